import { describe, expect, it } from 'vitest'
import { TurnScheduler } from '../../src/concurrency/scheduler.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { ExovisorError } from '../../src/errors.ts'
import { defaultTiming } from '../../src/resources/environment.ts'
import { Incarnation } from '../../src/resources/incarnation.ts'
import { Ref, type RefOwner } from '../../src/resources/ref.ts'
import { scripted } from './scripted.ts'

/** A ref whose owner is the test. */
async function owned(owner: RefOwner, receive: (message: string) => unknown) {
  const clock = new VirtualClock()
  const logged: string[] = []
  const note = (_: object, message: string) => void logged.push(message)
  const log = { debug: note, info: note, warn: note, error: note }
  const { definition, lives } = scripted({ receive })
  const environment = { clock, log, random: () => 0.5, scheduler: new TurnScheduler(clock) }
  const ref = new Ref({ definition, name: 'a', displayName: 'a', environment, owner })
  const incarnation = new Incarnation({
    definition,
    name: 'a',
    number: 1,
    attempt: 0,
    input: {},
    environment,
    timing: defaultTiming,
    listener: { changed: change => ref.changed(change), cleanupFailed: error => ref.cleanupFailed(error) },
  })
  ref.attach(incarnation)
  incarnation.start()
  await clock.settle()
  return { ref, clock, logged, lives }
}

const fail = (): never => {
  throw new Error('bad message')
}

describe('a handler that throws while it handles a tell', () => {
  it('is logged and goes on, when its owner says resume or nothing', async () => {
    for (const owner of [{}, { onHandlerFault: () => 'resume' as const }]) {
      const { ref, clock, logged, lives } = await owned(owner, fail)
      ref.tell('1')
      ref.tell('2')
      await clock.settle()
      expect(ref.state).toBe('READY')
      expect(lives[0]?.messages).toEqual(['1', '2'])
      expect(logged).toContain('scripted "a" threw while it handled a message')
    }
  })

  it('fails the incarnation with that error when its owner says so, and the next message waits for a successor', async () => {
    const errors: unknown[] = []
    const owner: RefOwner = {
      onHandlerFault: error => {
        errors.push(error)
        return 'fail'
      },
    }
    const { ref, clock, lives } = await owned(owner, fail)
    ref.tell('1')
    ref.tell('2')
    await clock.settle()
    expect(ref.state).toBe('ERROR')
    expect(errors).toMatchObject([{ message: 'bad message' }])
    expect(ref.current?.failure).toMatchObject({ code: 'EXO_RESOURCE_FAILED', cause: errors[0] })
    expect(lives[0]?.messages).toEqual(['1'])
    expect(ref.snapshot().mailbox).toBe(1)
  })

  it('is not judged when it answered an ask: the asker gets the error', async () => {
    const { ref } = await owned({ onHandlerFault: () => 'fail' }, fail)
    await expect(ref.ask('1')).rejects.toThrow('bad message')
    expect(ref.state).toBe('READY')
  })

  it('is not judged when its incarnation has ended already', async () => {
    let judged = 0
    const owner: RefOwner = {
      onHandlerFault: () => {
        judged += 1
        return 'fail'
      },
    }
    const { ref, clock, logged } = await owned(owner, async () => {
      ref.fail('crash')
      throw new Error('late')
    })
    ref.tell('1')
    await clock.settle()
    expect(judged).toBe(0)
    expect(logged).toContain('scripted "a" threw while it handled a message, after its end')
  })

  it('does no harm when its judge throws', async () => {
    const { ref, clock, logged, lives } = await owned({ onHandlerFault: fail }, fail)
    ref.tell('1')
    ref.tell('2')
    await clock.settle()
    expect(lives[0]?.messages).toEqual(['1', '2'])
    expect(logged).toContain('the judge of handler faults of scripted "a" threw')
  })
})

describe('a ref that is suspended by its owner', () => {
  it('keeps its messages until it is resumed, and says so', async () => {
    const { ref, clock, lives } = await owned({}, message => message)
    ref.suspend()
    ref.tell('1')
    await clock.settle()
    expect(ref.snapshot()).toMatchObject({ suspended: true, mailbox: 1, state: 'READY' })
    ref.resume()
    await clock.settle()
    expect(lives[0]?.messages).toEqual(['1'])
    expect(ref.snapshot()).toMatchObject({ suspended: false, mailbox: 0 })
  })
})

describe('an owner that says that no more incarnations will come', () => {
  it('is believed at once, also while the last one is READY', async () => {
    const { ref } = await owned({}, message => message)
    await ref.ready()
    const error = new ExovisorError('EXO_RESOURCE_CLOSED', 'over')
    ref.end(error)
    await expect(ref.ready()).rejects.toBe(error)
    expect(ref.tell('x')).toBe(false)
  })
})

describe('an owner that tells its ref of a dead letter', () => {
  it('hears nothing of that one, and it is counted', async () => {
    const heard: string[] = []
    const owner: RefOwner = {
      onDeadLetter: ({ message }) => {
        heard.push(String(message))
        made.ref.tell('about it')
      },
    }
    const made = await owned(owner, message => message)
    made.ref.adopt(owner, 1)
    made.ref.suspend()
    made.ref.tell('1')
    made.ref.tell('2')
    expect(heard).toEqual(['2'])
    expect(made.ref.snapshot().deadLetters).toBe(2)
  })
})

describe('another owner of a ref', () => {
  it('hears of its dead letters from then on, and its mailbox setting holds', async () => {
    const heard: string[] = []
    const first: RefOwner = { onDeadLetter: ({ message }) => void heard.push(`first ${String(message)}`) }
    const second: RefOwner = { onDeadLetter: ({ message }) => void heard.push(`second ${String(message)}`) }
    const { ref } = await owned(first, message => message)
    ref.suspend()
    ref.adopt(second, 1)
    ref.tell('1')
    ref.tell('2')
    expect(heard).toEqual(['second 2'])
  })
})
