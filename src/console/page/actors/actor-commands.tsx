import { useState } from 'react'
import type { ActorRow } from '../../../observe/view/messages.ts'
import type { CommandName } from '../live/connection.ts'
import { useLive } from '../live/live-context.ts'
import { ConfirmDialog } from './confirm-dialog.tsx'

/** What can be asked of a resource, and what then happens. */
interface Offer {
  readonly command: CommandName
  readonly label: string
  readonly meaning: string
  /** A reason is asked for: it stands in the journal and in the error. */
  readonly reason?: true
  readonly harmful?: true
}

const restart: Offer = {
  command: 'restart',
  label: 'Restart',
  meaning:
    'Its incarnation is closed and a new one started behind the same ref. Spends no restart intensity.',
}
const reset: Offer = {
  command: 'reset',
  label: 'Reset',
  meaning: 'Restarts it, and forgets its restarts, its attempts and its last error.',
}
const suspend: Offer = {
  command: 'suspend',
  label: 'Suspend',
  meaning: 'Its messages and health checks wait until it is resumed.',
}
const resume: Offer = { command: 'resume', label: 'Resume', meaning: 'Its messages and health checks go on.' }
const degrade: Offer = {
  command: 'degrade',
  label: 'Degrade',
  meaning: 'It goes to DEGRADED: still answering, and after the grace time its supervisor acts.',
  reason: true,
}
const recover: Offer = {
  command: 'recover',
  label: 'Recover',
  meaning: 'It goes from DEGRADED back to READY.',
}
const fail: Offer = {
  command: 'fail',
  label: 'Fail',
  meaning: 'It goes to ERROR, and its supervisor does what its policy says. Work that it is doing is lost.',
  reason: true,
  harmful: true,
}

function offersFor({ state, suspended }: ActorRow): readonly Offer[] {
  return [
    restart,
    reset,
    suspended ? resume : suspend,
    ...(state === 'DEGRADED' ? [recover] : [degrade]),
    fail,
  ]
}

/** Whether it can be done in a state; the node itself has the last word. */
function isPossible({ command }: Offer, { state }: ActorRow): boolean {
  if (command === 'degrade') return state === 'READY'
  if (command === 'fail') return state === 'READY' || state === 'DEGRADED' || state === 'INITIALIZING'
  return state !== 'CLOSING'
}

/** The buttons of a resource. Each asks first, and says what came of it. */
export function ActorCommands({ row }: { readonly row: ActorRow }) {
  const { connection } = useLive('link')
  const [asked, setAsked] = useState<Offer>()
  const [done, setDone] = useState<string>()
  if (row.parent === '') return <p className="dim small">The root: it is restarted with its process.</p>
  const isOpen = connection.link.kind === 'open'
  return (
    <div className="commands">
      {offersFor(row).map(offer => (
        <button
          key={offer.command}
          type="button"
          className={offer.harmful ? 'harmful' : undefined}
          disabled={!isOpen || !isPossible(offer, row)}
          onClick={() => setAsked(offer)}
        >
          {offer.label}
        </button>
      ))}
      <span role="status" className="dim small">
        {done}
      </span>
      {asked && (
        <ConfirmDialog
          title={`${asked.label} ${row.name}?`}
          meaning={asked.meaning}
          confirm={asked.label}
          asksReason={asked.reason === true}
          harmful={asked.harmful === true}
          onConfirm={async reason => {
            await connection.command(asked.command, row.path, reason)
            setDone(`${asked.label}: done`)
          }}
          onClose={() => setAsked(undefined)}
        />
      )}
    </div>
  )
}
