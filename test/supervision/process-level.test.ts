import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { deferred } from '../../src/concurrency/deferred.ts'
import { createResource } from '../../src/resources/create.ts'
import type { ProcessClient, ProcessInput } from '../../src/resources/process/owned-process.ts'
import { processResource } from '../../src/resources/process/process-resource.ts'
import { childSpec } from '../../src/supervision/child-spec.ts'
import type { PolicyInput, RestartType } from '../../src/supervision/policy.ts'
import { supervise } from '../../src/supervision/supervise.ts'
import type { SupervisionEvent } from '../../src/supervision/types.ts'

const WORKER = resolve(import.meta.dirname, 'processes/worker.ts')
const PARENT = resolve(import.meta.dirname, 'processes/parent.ts')

/** Asked every 50 ms; 400 ms without an answer, and it is restarted at once. */
const impatient: PolicyInput = {
  on: ['DEGRADED', 'ERROR'],
  probe: { interval: 50, timeout: 400 },
  degraded: { after: { failures: 1, of: 1 }, grace: 0, soft: 0 },
  backoff: { initial: 0, max: 0 },
  intensity: { restarts: 10, within: 600_000 },
  shutdown: 500,
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Resolves when the process is gone. */
async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise(done => setTimeout(done, 10))
}

/** A supervised process, and the moments of what happened to it. */
async function supervised(input: ProcessInput = { args: [WORKER] }, restart: RestartType = 'permanent') {
  const events: (SupervisionEvent & { readonly when: number })[] = []
  const waiting = new Map<string, () => void>()
  const root = await supervise({
    policies: { default: impatient },
    children: [childSpec({ id: 'worker', resource: processResource, input, restart })],
    onEvent(event) {
      events.push({ ...event, when: performance.now() })
      waiting.get(event.type)?.()
    },
  })
  const ref = root.ref(processResource, 'worker')
  const told = (type: SupervisionEvent['type']) =>
    new Promise<void>(done => {
      waiting.set(type, done)
    })
  const first = (type: string) => events.find(event => event.type === type)?.when ?? Number.POSITIVE_INFINITY
  return { root, ref, events, told, first }
}

/** Does something to a process, and prints how long it took until that was noticed and until a successor was READY. */
async function harm(what: string, how: (client: ProcessClient) => unknown) {
  const { root, ref, events, told, first } = await supervised()
  const harmed = await ref.ready()
  const restarted = told('restarted')
  const start = performance.now()
  how(harmed)
  await restarted
  const after = (...types: string[]) => `${(Math.min(...types.map(first)) - start).toFixed(0)} ms`
  console.log(
    `${what}: noticed after ${after('degraded', 'failed', 'child_terminated')}, gone after ${after('child_terminated')}, READY again after ${after('restarted')}`,
  )
  const successor = await ref.ready()
  expect(successor.pid).not.toBe(harmed.pid)
  expect([isAlive(harmed.pid), isAlive(successor.pid)]).toEqual([false, true])
  await root.close()
  expect(isAlive(successor.pid)).toBe(false)
  return events
}

describe('a supervised process', () => {
  it('that is killed with SIGKILL is noticed by its end, and has a successor', async () => {
    const events = await harm('kill -9', ({ pid }) => process.kill(pid, 'SIGKILL'))
    expect(events.find(({ type }) => type === 'failed')?.error?.message).toMatch(/ended \(SIGKILL\)/)
  })

  it('that is stopped with SIGSTOP, so that no event tells of it, is noticed by a ping without an answer, killed and replaced', async () => {
    const events = await harm('SIGSTOP', ({ pid }) => process.kill(pid, 'SIGSTOP'))
    expect(events.find(({ type }) => type === 'degraded')?.error).toMatchObject({
      code: 'EXO_HEALTH_CHECK_FAILED',
    })
  })

  it('that hangs in an endless loop is noticed in the same way, killed and replaced', async () => {
    const events = await harm('endless loop', client => client.send({ do: 'loop' }))
    expect(events.find(({ type }) => type === 'degraded')?.error).toMatchObject({
      code: 'EXO_HEALTH_CHECK_FAILED',
    })
  })

  it('that ends with code 0 has ended in the normal way: a permanent one has a successor', async () => {
    const events = await harm('exit 0', client => client.send({ do: 'end' }))
    expect(events.some(({ type }) => type === 'failed')).toBe(false)
  })

  it('that ends with code 0 is not restarted when it is transient, and one that ends with code 1 is', async () => {
    const { root, ref, told } = await supervised({ args: [WORKER] }, 'transient')
    const restarted = told('restarted')
    await (await ref.ready()).send({ do: 'end', code: 1 })
    await restarted
    const stopped = told('stopped')
    await (await ref.ready()).send({ do: 'end', code: 0 })
    await stopped
    expect([ref.state, ref.incarnation]).toEqual(['CLOSED', 2])
    await root.close()
  })

  it('does not outlive a supervisor whose own process is killed', async () => {
    const parent = spawn(process.execPath, [PARENT], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = (await once(parent.stdout, 'data')) as [Buffer]
    const pid = Number(line.toString())
    expect(isAlive(pid)).toBe(true)
    parent.kill('SIGKILL')
    await gone(pid)
  })
})

describe('a process as a resource', () => {
  it('sends and receives messages, and is asked to end before it is killed', async () => {
    const heard = deferred<unknown>()
    const resource = createResource(processResource, {
      input: { args: [WORKER], onMessage: message => heard.resolve(message) },
    })
    const client = await resource.initialize()
    await client.send({ do: 'echo', text: 'hello' })
    expect(await heard.promise).toEqual({ do: 'echo', text: 'hello' })
    await resource.close()
    expect([isAlive(client.pid), resource.failure]).toEqual([false, undefined])
  })

  it('keeps what its listener throws away from the process, and refuses what nobody reads beyond a thousand messages', async () => {
    const logged = deferred<string>()
    const note = (_: object, message: string) => message.includes('threw') && logged.resolve(message)
    const resource = createResource(processResource, {
      input: {
        args: [WORKER],
        onMessage() {
          throw new Error('careless')
        },
      },
      log: { debug: note, info: note, warn: note, error: note },
    })
    const client = await resource.initialize()
    await client.send({ do: 'echo' })
    expect(await logged.promise).toBe('the listener for messages of a process threw')
    process.kill(client.pid, 'SIGSTOP')
    const sent = Array.from({ length: 1_500 }, () => client.send({ filler: 'x'.repeat(10_000) }))
    const refused = (await Promise.allSettled(sent.slice(-100))).map(
      result => result.status === 'rejected' && result.reason.code,
    )
    expect(new Set(refused)).toEqual(new Set(['EXO_MAILBOX_FULL']))
    process.kill(client.pid, 'SIGCONT')
    await Promise.allSettled(sent)
    await resource.close()
    expect(resource.failure).toBeUndefined()
  })

  it('that does not listen to SIGTERM is killed when its time to end is over', async () => {
    const log: string[] = []
    const note = (_: object, message: string) => void log.push(message)
    const resource = createResource(processResource, {
      input: { args: [WORKER, 'deaf'] },
      shutdown: 200,
      log: { debug: note, info: note, warn: note, error: note },
    })
    const { pid } = await resource.initialize()
    await resource.close()
    await gone(pid)
    expect(log).toContainEqual(expect.stringContaining('did not finish its cleanup within 200 ms'))
  })

  it('needs no channel when it is only watched for its end', async () => {
    const resource = createResource(processResource, {
      input: { command: 'sleep', args: ['1000'], pings: false },
    })
    const client = await resource.initialize()
    await expect(client.send({})).rejects.toMatchObject({ code: 'EXO_RESOURCE_FAILED' })
    await resource.close()
    expect(isAlive(client.pid)).toBe(false)
  })

  it('that cannot be started names the program, and leaves nothing', async () => {
    const resource = createResource(processResource, { input: { command: '/nowhere/at-all', pings: false } })
    await expect(resource.initialize()).rejects.toMatchObject({
      message: expect.stringContaining('/nowhere/at-all could not be started'),
      cause: { code: 'ENOENT' },
    })
    await resource.close()
  })

  it('whose start is given up is killed', async () => {
    const resource = createResource(processResource, {
      input: { command: process.execPath, args: ['-e', 'setTimeout(() => {}, 100_000)'] },
      startTimeout: 300,
    })
    await expect(resource.initialize()).rejects.toMatchObject({ code: 'EXO_INITIALIZE_TIMEOUT' })
    await resource.close()
    expect(resource.state).toBe('CLOSED')
  })
})
