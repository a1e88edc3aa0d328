import { describe, expect, it } from 'vitest'
import { lifecycle } from '../../machines/lifecycle.ts'
import { defineResource } from '../../src/resources/define.ts'
import { silentLog } from '../../src/resources/log.ts'
import { poolResource } from '../../src/resources/pool/pool-resource.ts'
import { supervisorResource } from '../../src/supervision/supervisor-resource.ts'
import { calm, grow, kid } from './tree.ts'

function keepingLog() {
  const lines: { readonly message: string; readonly [fact: string]: unknown }[] = []
  const note = (facts: object, message: string) => void lines.push({ ...facts, message })
  const log = { ...silentLog, debug: note, info: note, warn: note, error: note, isLevelEnabled: () => true }
  return { log, lineWith: (text: string) => lines.find(({ message }) => message.includes(text)) }
}

const fail = () => {
  throw new Error('bad')
}

describe('a line of the log about a resource', () => {
  it('has its path and its incarnation, whoever writes it', async () => {
    const { log, lineWith } = keepingLog()
    const below = kid('a', { receive: fail, recover: async () => fail() })
    const { root, clock } = await grow(
      [
        {
          id: 'below',
          resource: supervisorResource as never,
          input: {
            children: [below.spec],
            policies: { default: { ...calm, degraded: { soft: 1, grace: 10 } } },
          },
        },
      ],
      { log },
    )
    const client = await root.ref(supervisorResource, 'below').ready()
    await client.restart('a')
    const ref = client.ref('a')
    ref.subscribe(fail)
    ref.tell('hello' as never)
    await clock.settle()
    ref.degrade('slow')
    await clock.advance(1_000)
    const about = { kind: 'scripted', resource: 'root/below/a', incarnation: 2 }
    expect(lineWith('threw while it handled a message')).toMatchObject(about)
    expect(lineWith('a subscriber of scripted "a" threw')).toMatchObject(about)
    expect(lineWith('the soft restart of scripted "a" failed')).toMatchObject(about)
    expect(lineWith('scripted "a" degraded')).toMatchObject(about)
    await root.close()
  })

  it('is about the pool when a member of it cannot be released', async () => {
    const { log, lineWith } = keepingLog()
    const member = defineResource({
      kind: 'connection',
      machine: lifecycle,
      initialize: async () => 'client',
      cleanup: async () => fail(),
    })
    const pool = { id: 'pool', resource: poolResource(member) as never, input: { input: {}, min: 1 } }
    const { root } = await grow([pool], { log })
    await root.close()
    expect(lineWith('connection')).toMatchObject({ kind: 'pool', resource: 'root/pool', incarnation: 1 })
  })
})
