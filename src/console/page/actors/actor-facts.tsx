import type { ReactNode } from 'react'
import type { ActorDetail, TransitionRecord } from '../../../observe/view/messages.ts'
import { duration, timeOfDay } from '../app/units.ts'

interface ActorFactsProps {
  readonly detail: ActorDetail
  readonly now: number
  readonly transition: TransitionRecord | undefined
}

/** The figures of an actor in two columns. */
export function ActorFacts({ detail, now, transition }: ActorFactsProps) {
  const { row, spec, window, mailbox, circuit, attempt, nextAttemptAt } = detail
  const next = nextAttemptAt === undefined ? undefined : nextAttemptAt - now
  return (
    <dl className="facts">
      <Fact name="State">
        {stateText(detail.value)} <span className="dim">for {duration(now - row.since)}</span>
      </Fact>
      <Fact name="Incarnation">#{row.incarnation}</Fact>
      <Fact name="Restarts">
        {row.restarts}
        {attempt !== undefined && attempt > 0 && <span className="dim"> · {attempt} in a row</span>}
      </Fact>
      {next !== undefined && next > 0 && <Fact name="Next restart">in {duration(next)}</Fact>}
      {window && (
        <Fact name="Restart window">
          <Meter used={window.used} limit={window.limit} />
          <span className="number">
            {window.used} of {window.limit}
          </span>{' '}
          <span className="dim">in {duration(window.within)}</span>
        </Fact>
      )}
      {circuit && circuit !== 'closed' && <Fact name="Circuit">{circuit.replace('_', ' ')}</Fact>}
      <Fact name="Mailbox">
        {spec && <Meter used={mailbox.waiting} limit={spec.mailbox.capacity} />}
        <span className="number">{mailbox.waiting}</span> waiting
        <span className="dim">
          {' '}
          · {mailbox.deadLetters} dead · {mailbox.lateAnswers} late
        </span>
      </Fact>
      {spec && (
        <Fact name="Restart type">
          {spec.restart}
          <span className="dim"> · policy {spec.policy ?? 'of its kind'}</span>
        </Fact>
      )}
      {spec && spec.dependsOn.length > 0 && <Fact name="Depends on">{spec.dependsOn.join(', ')}</Fact>}
      {detail.lastHealth !== undefined && detail.lastHealth !== null && (
        <Fact name="Last health">{healthText(detail.lastHealth)}</Fact>
      )}
      {transition && (
        <Fact name="Last transition">
          <code>{transition.event}</code> <span className="dim">at {timeOfDay(transition.time)}</span>
        </Fact>
      )}
    </dl>
  )
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function Meter({ used, limit }: { readonly used: number; readonly limit: number }) {
  if (!(limit > 0) || !Number.isFinite(limit)) return null
  const part = Math.min(1, used / limit)
  return (
    <span className={`meter${part >= 0.8 ? ' full' : ''}`} aria-hidden="true">
      <span style={{ inlineSize: `${part * 100}%` }} />
    </span>
  )
}

/** A state value as a path of names: `READY › serving`. */
export function stateText(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value !== 'object' || value === null) return String(value)
  return Object.entries(value)
    .map(([name, inner]) =>
      typeof inner === 'object' && inner !== null && Object.keys(inner).length === 0
        ? name
        : `${name} › ${stateText(inner)}`,
    )
    .join(', ')
}

/** The last health report: how it was, and how many of the last ones were bad. */
function healthText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  const { ok, failed, of, error } = value as Readonly<Record<string, unknown>>
  if (typeof ok === 'boolean') {
    const { message } = (error ?? {}) as { readonly message?: unknown }
    const counted = typeof failed === 'number' && typeof of === 'number' ? `, ${failed} of ${of} failed` : ''
    return `${ok ? 'good' : `bad${typeof message === 'string' ? `: ${message}` : ''}`}${counted}`
  }
  return Object.entries(value)
    .map(([name, inner]) => `${name} ${typeof inner === 'object' ? JSON.stringify(inner) : String(inner)}`)
    .join(' · ')
}
