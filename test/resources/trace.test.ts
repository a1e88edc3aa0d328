import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { createResource } from '../../src/resources/create.ts'
import type { TraceEvent } from '../../src/resources/trace.ts'
import { scripted } from './scripted.ts'

function make(changes: Parameters<typeof scripted>[0] = {}) {
  const clock = new VirtualClock()
  const logged: string[] = []
  const note = (_: object, message: string) => void logged.push(message)
  const log = { debug: note, info: note, warn: note, error: note }
  const made = scripted(changes)
  const resource = createResource(made.definition, { name: 'a', input: {}, clock, log, mailbox: 2 })
  return { clock, resource, logged, ...made }
}

describe('a trace', () => {
  it('tells of each message, its end and each change of state, as plain data', async () => {
    const { resource, clock } = make({
      receive: message => {
        if (message === 'bad') throw new Error('cannot')
        return message
      },
    })
    const events: TraceEvent[] = []
    resource.trace(event => void events.push(event))
    await resource.initialize()
    await clock.advance(3)
    await resource.ask('asked')
    resource.tell('told')
    resource.tell('bad')
    resource.tell('too many')
    await clock.settle()
    await resource.close()
    expect(JSON.parse(JSON.stringify(events))).toEqual(events)
    const [at0, at3] = [
      { at: 0, incarnation: 1 },
      { at: 3, incarnation: 1 },
    ]
    expect(events).toEqual([
      { ...at0, type: 'transition', event: 'initialize', from: 'UNINITIALIZED', to: 'INITIALIZING' },
      { ...at0, type: 'state', state: 'INITIALIZING', previous: 'UNINITIALIZED' },
      { ...at0, type: 'transition', event: 'initialized', from: 'INITIALIZING', to: 'READY' },
      { ...at0, type: 'state', state: 'READY', previous: 'INITIALIZING' },
      { ...at3, type: 'delivered', message: '"asked"' },
      { ...at3, type: 'answered', message: '"asked"' },
      { ...at3, type: 'dead_letter', message: '"too many"', reason: 'mailbox full' },
      { ...at3, type: 'delivered', message: '"told"' },
      { ...at3, type: 'handled', message: '"told"' },
      { ...at3, type: 'delivered', message: '"bad"' },
      {
        ...at3,
        type: 'failed',
        message: '"bad"',
        error: { code: 'EXO_RESOURCE_FAILED', message: 'cannot' },
      },
      { ...at3, type: 'transition', event: 'close', from: 'READY', to: 'CLOSING' },
      { ...at3, type: 'state', state: 'CLOSING', previous: 'READY' },
      { ...at3, type: 'transition', event: 'closed', from: 'CLOSING', to: 'CLOSED' },
      { ...at3, type: 'state', state: 'CLOSED', previous: 'CLOSING' },
    ])
  })

  it('tells who sent a message, through all that its handler awaited, when the sender is traced too', async () => {
    const clock = new VirtualClock()
    const events: TraceEvent[] = []
    const receiver = createResource(scripted({ receive: () => 'done' }).definition, {
      name: 'b',
      input: {},
      clock,
    })
    const receive = async (): Promise<unknown> => {
      await Promise.resolve()
      return receiver.ask('passed on')
    }
    const sender = createResource(scripted({ receive }).definition, { name: 'a', input: {}, clock })
    await Promise.all([sender.initialize(), receiver.initialize()])
    receiver.trace(event => void events.push(event))
    await sender.ask('before it is traced')
    const untrace = sender.trace(() => undefined)
    await sender.ask('traced')
    untrace()
    await sender.ask('after it was traced')
    await receiver.ask('from outside')
    const delivered = events.filter(({ type }) => type === 'delivered')
    expect(delivered.map(event => 'from' in event && event.from)).toEqual([false, 'a', false, false])
    await Promise.all([sender.close(), receiver.close()])
  })

  it('tells why a state was left, and of an answer that came too late', async () => {
    let answer: (value: string) => void = () => undefined
    const { resource, clock } = make({ receive: () => new Promise<string>(resolve => (answer = resolve)) })
    await resource.initialize()
    const events: TraceEvent[] = []
    const leave = resource.trace(event => void events.push(event))
    resource.ask('x').catch(() => undefined)
    await clock.settle()
    resource.fail('crash')
    answer('late')
    await clock.settle()
    expect(events).toMatchObject([
      { type: 'delivered' },
      { type: 'transition', event: 'fail', to: 'ERROR' },
      { type: 'state', state: 'ERROR', error: { message: 'scripted "a" failed: crash' } },
      { type: 'late_answer', message: '"x"' },
    ])
    expect(resource.snapshot().lateAnswers).toBe(1)
    leave()
    await resource.close()
    expect(events).toHaveLength(4)
  })

  it('ends for one listener and goes on for another, whom a listener that throws does not disturb', async () => {
    const { resource, clock, logged } = make()
    await resource.initialize()
    const seen: string[] = []
    const leave = resource.trace(({ type }) => void seen.push(`first ${type}`))
    resource.trace(() => {
      throw new Error('bad tracer')
    })
    resource.trace(({ type }) => void seen.push(`last ${type}`))
    leave()
    resource.tell('x')
    await clock.settle()
    expect(seen).toEqual(['last delivered', 'last handled'])
    expect(logged).toContain('a tracer of scripted "a" threw')
  })
})
