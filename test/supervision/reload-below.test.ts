import { describe, expect, it } from 'vitest'
import { lifecycle } from '../../machines/lifecycle.ts'
import { silentLog } from '../../src/resources/log.ts'
import type { PolicyTable } from '../../src/supervision/policy.ts'
import { supervisorResource } from '../../src/supervision/supervisor-resource.ts'
import type { AnyChildSpec, SupervisorInput } from '../../src/supervision/types.ts'
import { scripted } from '../resources/scripted.ts'
import { leakCheck } from './leaks.ts'
import { calm, kid } from './tree.ts'

const { grow } = leakCheck()

const slower: PolicyTable = { default: { ...calm, backoff: { ...calm.backoff, initial: 777 } } }
const nested = (...children: AnyChildSpec[]): AnyChildSpec => ({
  id: 'below',
  resource: supervisorResource as never,
  input: { children } satisfies SupervisorInput,
})

describe('a reload of policies', () => {
  it('reaches a supervisor below that is starting again, as soon as it runs', async () => {
    const leaf = kid('leaf')
    const { root, clock } = await grow([{ ...leaf, spec: nested(leaf.spec) }])
    leaf.script.initialize = 'wait'
    const restarted = root.restart('below')
    await clock.settle()
    root.reload({ policies: slower })
    leaf.lives[1]?.initialized.resolve()
    await restarted
    await clock.settle()
    const below = await root.ref(supervisorResource, 'below').ready()
    expect(below.spec('leaf').resolved.backoff.initial).toBe(777)
  })

  it.each([
    ['holds in the next incarnation of a supervisor below as well', {}, 777],
    [
      'is not for one that has a table of its own',
      { policies: { default: { ...calm, backoff: { ...calm.backoff, initial: 55 } } } },
      55,
    ],
  ])('%s', async (_, own, initial) => {
    const leaf = kid('leaf')
    const spec = { ...nested(), input: { children: [leaf.spec], ...own } }
    const { root } = await grow([{ ...leaf, spec }])
    root.reload({ policies: slower })
    const initialOf = async () => {
      const below = await root.ref(supervisorResource, 'below').ready()
      return below.spec('leaf').resolved.backoff.initial
    }
    expect(await initialOf()).toBe(initial)
    await root.restart('below')
    expect(await initialOf()).toBe(initial)
  })

  it('waits for nothing when a supervisor below is down: it has them when it starts', async () => {
    const leaf = kid('leaf')
    const { root, clock, logged } = await grow([{ ...leaf, spec: nested(leaf.spec) }])
    await root.stop('below')
    root.reload({ policies: slower })
    await clock.settle()
    expect(logged.filter(line => line.includes('could not take'))).toEqual([])
    await root.restart('below')
    const below = await root.ref(supervisorResource, 'below').ready()
    expect(below.spec('leaf').resolved.backoff.initial).toBe(777)
  })

  it('that a supervisor below cannot take changes nothing, above it neither', async () => {
    const [first, leaf] = [kid('first'), kid('leaf')]
    const policies: PolicyTable = { default: calm, policies: { special: { startTimeout: 99 } } }
    const { root } = await grow([first, { ...leaf, spec: nested() }], { policies })
    const below = await root.ref(supervisorResource, 'below').ready()
    await below.start({ ...leaf.typed, policy: 'special' })
    const refused = expect.objectContaining({ code: 'EXO_CHILD_SPEC_INVALID' })
    expect(() => root.reload({ policies: slower })).toThrow(refused)
    expect(root.spec('first').resolved.backoff.initial).toBe(100)
    expect(below.spec('leaf').resolved.startTimeout).toBe(99)
  })
})

describe('a supervisor below that is starting while its policies change', () => {
  const policies: PolicyTable = { default: calm, policies: { special: {} } }

  async function startingAgain() {
    const leaf = kid('leaf')
    const warnings: { error?: unknown; message: string }[] = []
    const warn = (facts: object, message: string) => void warnings.push({ ...facts, message })
    const log = { ...silentLog, warn }
    const { root, clock } = await grow([{ ...leaf, spec: { ...nested(leaf.spec), restart: 'temporary' } }], {
      policies,
      log,
    })
    leaf.script.initialize = 'wait'
    const restarted = root.restart('below').catch(() => undefined)
    await clock.settle()
    const ready = root.ref(supervisorResource, 'below').ready()
    const reloaded = async (change: (life: (typeof leaf.lives)[number]) => void) => {
      root.reload({ policies: slower })
      for (const life of leaf.lives.slice(1)) change(life)
      await restarted
      await clock.settle()
      return warnings
    }
    return { ready, reloaded }
  }
  const warning = (expected: string) => ({
    error: expect.objectContaining({ message: expect.stringContaining(expected) }),
    kind: 'supervisor',
    resource: 'root/below',
    incarnation: 2,
    message: 'supervisor "below" could not take the new policies over',
  })

  it('and then has a child that they do not fit has that in the log, with the error', async () => {
    const { ready, reloaded } = await startingAgain()
    const late = kid('late')
    const started = ready.then(below => below.start({ ...late.typed, policy: 'special' }))
    expect(await reloaded(life => life.initialized.resolve())).toEqual([warning('policy is "special"')])
    await started
  })

  it('and then does not come up has that in the log, with the error', async () => {
    const { ready, reloaded } = await startingAgain()
    const lost = expect(ready).rejects.toThrow('broken')
    expect(await reloaded(life => life.initialized.reject(new Error('broken')))).toEqual([warning('broken')])
    await lost
  })
})

describe('a reload with another definition', () => {
  it('leaves the messages of the running incarnation to the handler that it was made with', async () => {
    const older = kid('a', { receive: message => `older ${message}` })
    const newer = scripted({ receive: message => `newer ${message}` }, lifecycle, 'newer')
    const { root, registry } = await grow([older])
    const ref = root.ref(older.definition, 'a')
    root.reload({ children: [{ id: 'a', resource: newer.definition as never, input: {} }] })
    expect(await ref.ask('m')).toBe('older m')
    expect([registry.routable('scripted').length, registry.routable('newer').length]).toEqual([1, 0])
    await root.restart('a')
    expect(await ref.ask('m')).toBe('newer m')
    expect([registry.routable('scripted').length, registry.routable('newer').length]).toEqual([0, 1])
  })
})

describe('a reload with onEvent', () => {
  it('is heard by one listener, also when there was none before', async () => {
    const { root } = await grow([kid('a')], { onEvent: undefined as never })
    const heard: string[] = []
    root.reload({ onEvent: ({ type }) => void heard.push(`older ${type}`) })
    root.reload({ onEvent: ({ type }) => void heard.push(type) })
    heard.length = 0
    await root.restart('a')
    expect(heard).toEqual(['child_terminated', 'started', 'ready', 'restarted'])
  })
})

describe('a reload that does not speak of a child', () => {
  it('takes it as it is, also when what it needed was temporary and is gone', async () => {
    const needed = kid('needed', {}, { restart: 'temporary' })
    const children = (['dependsOn', 'after', 'requires'] as const).map(field =>
      kid(field, {}, { [field]: ['needed'] }),
    )
    const { root, clock } = await grow([needed, ...children], { strategy: 'dependency_closure' })
    needed.lives[0]?.self.fail(new Error('broken'))
    await clock.settle()
    root.reload({ policies: slower })
    for (const { id } of children) expect(root.spec(id).resolved.backoff.initial).toBe(777)
  })
})

describe('a supervisor that is suspended', () => {
  it('rests in its next incarnation as well, with all below it, until it is resumed', async () => {
    const leaf = kid('leaf')
    const { root, clock } = await grow([{ ...leaf, spec: nested(leaf.spec) }])
    root.suspend('below')
    await root.restart('below')
    const below = await root.ref(supervisorResource, 'below').ready()
    expect(below.children().map(({ suspended }) => suspended)).toEqual([true])
    leaf.lives[1]?.self.fail(new Error('broken'))
    await clock.advance(5_000)
    expect(leaf.lives.length).toBe(2)
    root.resume('below')
    await clock.advance(5_000)
    expect([leaf.lives.length, below.ref('leaf').state]).toEqual([3, 'READY'])
  })
})
