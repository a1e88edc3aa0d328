import { describe, expect, it } from 'vitest'
import { lifecycle } from '../../machines/lifecycle.ts'
import { deferred } from '../../src/concurrency/deferred.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { createResource } from '../../src/resources/create.ts'
import { defineResource } from '../../src/resources/define.ts'
import { scripted } from './scripted.ts'

function make(changes: Parameters<typeof scripted>[0] = {}, mailbox = 1_000) {
  const clock = new VirtualClock()
  const dead: string[] = []
  const logged: string[] = []
  const note = (_: object, message: string) => void logged.push(message)
  const made = scripted(changes)
  const resource = createResource(made.definition, {
    name: 'a',
    input: {},
    clock,
    mailbox,
    log: { debug: note, info: note, warn: note, error: note },
    onDeadLetter: ({ message, reason, count }) => void dead.push(`${count} ${String(message)}: ${reason}`),
  })
  return { clock, resource, dead, logged, ...made }
}

describe('messages', () => {
  it('are answered by what the handler returns', async () => {
    const { resource } = make({ receive: async message => message.length })
    await resource.initialize()
    expect(await resource.ask('four')).toBe(4)
  })

  it('wait while the resource initialises and are handled in order, one at a time', async () => {
    let running = 0
    const { resource, lives, clock } = make({
      initialize: 'wait',
      receive: async message => {
        running += 1
        expect(running).toBe(1)
        await Promise.resolve()
        running -= 1
        return message
      },
    })
    resource.initialize().catch(() => undefined)
    const first = resource.ask('1')
    expect(resource.tell('2')).toBe(true)
    const third = resource.ask('3')
    expect(resource.snapshot().mailbox).toBe(3)
    lives[0]?.initialized.resolve()
    expect(await Promise.all([first, third])).toEqual(['1', '3'])
    await clock.settle()
    expect(lives[0]?.messages).toEqual(['1', '2', '3'])
    expect(resource.snapshot().mailbox).toBe(0)
  })

  it('are handled in DEGRADED too', async () => {
    const { resource } = make()
    await resource.initialize()
    resource.degrade('slow')
    expect(await resource.ask('hello')).toBe('hello!')
  })

  it('whose handler throws reject the ask with that very error, and the resource lives on', async () => {
    const error = new TypeError('bad message')
    const { resource } = make({
      receive: message => {
        if (message === 'bad') throw error
        return message
      },
    })
    await resource.initialize()
    await expect(resource.ask('bad')).rejects.toBe(error)
    expect(await resource.ask('good')).toBe('good')
    expect(resource.state).toBe('READY')
  })

  it('that were only told are logged when their handler throws', async () => {
    const { resource, logged, clock } = make({
      receive: () => {
        throw new Error('bad message')
      },
    })
    await resource.initialize()
    expect(resource.tell('bad')).toBe(true)
    await clock.settle()
    expect(logged).toContain('scripted "a" threw while it handled a message')
    expect(resource.state).toBe('READY')
  })

  it('are refused when the mailbox is full: counted, announced, and told to the sender', async () => {
    const { resource, dead } = make({ initialize: 'wait' }, 2)
    resource.initialize().catch(() => undefined)
    expect([resource.tell('1'), resource.tell('2'), resource.tell('3')]).toEqual([true, true, false])
    await expect(resource.ask('4')).rejects.toMatchObject({
      code: 'EXO_MAILBOX_FULL',
      message: 'the mailbox of scripted "a" is full: 2 messages wait',
    })
    expect(dead).toEqual(['1 3: mailbox full', '2 4: mailbox full'])
    expect(resource.snapshot().deadLetters).toBe(2)
  })

  it('wait 1000 at most, unless told otherwise', () => {
    const { definition } = scripted()
    const resource = createResource(definition, { input: {}, clock: new VirtualClock() })
    const accepted = Array.from({ length: 1_001 }, (_, index) => resource.tell(String(index))).filter(Boolean)
    expect(accepted).toHaveLength(1_000)
  })

  it('that still wait become dead letters when the resource is closed', async () => {
    const { resource, dead } = make({ initialize: 'wait' })
    const asked = resource.ask('1').catch((error: unknown) => error)
    resource.tell('2')
    await resource.close()
    expect(await asked).toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    expect(resource.tell('3')).toBe(false)
    await expect(resource.ask('4')).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    expect(dead).toEqual(['1 1: closed', '2 2: closed', '3 3: closed', '4 4: closed'])
  })

  it('are refused by a kind that receives none', async () => {
    const mute = defineResource<object, object, string>({
      kind: 'mute',
      machine: lifecycle,
      initialize: async () => ({}),
    })
    const resource = createResource(mute, { input: {}, clock: new VirtualClock() })
    await resource.initialize()
    expect(resource.tell('x')).toBe(false)
    await expect(resource.ask('x')).rejects.toMatchObject({
      code: 'EXO_MESSAGE_UNHANDLED',
      message: 'mute "mute" receives no messages',
    })
  })
})

describe('an ask', () => {
  it('times out after five seconds unless told otherwise, and aborts the signal of its handler', async () => {
    let handled: AbortSignal | undefined
    const { resource, clock } = make({
      receive: (_, signal) => {
        handled = signal
        return new Promise(resolve => signal.addEventListener('abort', resolve))
      },
    })
    await resource.initialize()
    const asked = resource.ask('x').catch((error: unknown) => error)
    await clock.advance(4_999)
    expect(handled?.aborted).toBe(false)
    await clock.advance(1)
    expect(await asked).toMatchObject({
      code: 'EXO_ASK_TIMEOUT',
      message: 'scripted "a" did not answer within 5000 ms',
    })
    expect(handled?.aborted).toBe(true)
  })

  it('that was given up while it waited is never handled, and frees its place', async () => {
    const { resource, lives, clock } = make({ initialize: 'wait' }, 1)
    resource.initialize().catch(() => undefined)
    const controller = new AbortController()
    const asked = resource.ask('1', { signal: controller.signal }).catch((error: unknown) => error)
    controller.abort()
    expect(await asked).toMatchObject({ code: 'EXO_ABORTED' })
    expect(resource.tell('2')).toBe(true)
    lives[0]?.initialized.resolve()
    await clock.settle()
    expect(lives[0]?.messages).toEqual(['2'])
  })

  it('settles once: an answer after the timeout changes nothing', async () => {
    const answer = deferred<string>()
    const { resource, clock } = make({ receive: () => answer.promise })
    await resource.initialize()
    let settled = 0
    const asked = resource.ask('x', { timeout: 10 }).finally(() => (settled += 1))
    asked.catch(() => undefined)
    await clock.advance(10)
    answer.resolve('late')
    await clock.settle()
    expect(settled).toBe(1)
    await expect(asked).rejects.toMatchObject({ code: 'EXO_ASK_TIMEOUT' })
  })

  it('that is being handled fails with the resource', async () => {
    const { resource, clock } = make({ receive: () => new Promise(() => undefined) })
    await resource.initialize()
    const asked = resource.ask('x').catch((error: unknown) => error)
    await clock.settle()
    resource.fail(new Error('crash'))
    expect(await asked).toMatchObject({
      code: 'EXO_RESOURCE_FAILED',
      cause: { cause: { message: 'crash' } },
    })
    await resource.close()
    expect(clock.pending).toBe(0)
  })

  it('leaves no timer behind', async () => {
    const { resource, clock } = make()
    await resource.initialize()
    await resource.ask('x')
    await resource.close()
    expect(clock.pending).toBe(0)
  })
})

describe('a busy resource', () => {
  it('lets the event loop turn: ten thousand messages are handled in several turns of it', async () => {
    const { resource, lives } = make({}, 10_000)
    await resource.initialize()
    for (let index = 0; index < 10_000; index += 1) resource.tell(String(index))
    await new Promise<void>(resolve => setImmediate(resolve))
    expect(lives[0]?.messages.length).toBeGreaterThan(0)
    expect(lives[0]?.messages.length).toBeLessThan(10_000)
  })
})
