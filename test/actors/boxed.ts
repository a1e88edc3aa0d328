import type { DeadLetter } from '../../src/actors/dead-letters.ts'
import { Mailbox } from '../../src/actors/mailbox.ts'
import { type MailboxPolicy, mailboxPolicy } from '../../src/actors/mailbox-policy.ts'
import { type Scheduler, TurnScheduler } from '../../src/concurrency/scheduler.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { ExovisorError } from '../../src/errors.ts'

type Handler<Message> = (message: Message, work: { readonly signal: AbortSignal }) => unknown

interface Setting<Message> {
  readonly policy?: number | MailboxPolicy
  readonly receive?: Handler<Message>
  readonly clock?: VirtualClock
  readonly scheduler?: Scheduler
  readonly onDeadLetter?: (letter: DeadLetter) => void
}

/** A mailbox under a virtual clock, and all that its owner heard. */
export function boxed<Message = unknown>(setting: Setting<Message> = {}) {
  const clock = setting.clock ?? new VirtualClock()
  const handled: Message[] = []
  const dead: DeadLetter[] = []
  const echoes: DeadLetter[] = []
  const faults: { error: unknown; isLate: boolean }[] = []
  const owner = {
    label: 'box "a"',
    address: 'root/a',
    clock,
    scheduler: setting.scheduler ?? new TurnScheduler(clock),
    receives: true,
    receive: (message: Message, work: { readonly signal: AbortSignal }): unknown => {
      handled.push(message)
      return setting.receive?.(message, work)
    },
    buried: (letter: DeadLetter, isEcho: boolean) => {
      if (isEcho) echoes.push(letter)
      else {
        dead.push(letter)
        setting.onDeadLetter?.(letter)
      }
    },
    handlerFailed: (error: unknown, isLate: boolean) => void faults.push({ error, isLate }),
  }
  const box = new Mailbox<Message>(owner, mailboxPolicy(setting.policy, owner))
  return { box, owner, clock, handled, dead, echoes, faults }
}

/** Why the tests' mailboxes pause. */
export const paused = new ExovisorError('EXO_RESOURCE_FAILED', 'paused')
/** Why they close. */
export const closed = new ExovisorError('EXO_RESOURCE_CLOSED', 'closed')

/** One turn of the event loop. */
export const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
