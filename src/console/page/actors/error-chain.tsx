import type { LifecycleState } from '../../../../machines/lifecycle.ts'
import type { ActorDetail } from '../../../observe/view/messages.ts'

interface ErrorChainProps extends Pick<ActorDetail, 'history'> {
  readonly error: ActorDetail['lastError']
  readonly state: LifecycleState
}

/** The last error with what caused it, nearest first, and what its supervisor decided. */
export function ErrorChain({ error, history, state }: ErrorChainProps) {
  const decided = history.findLast(event => event.error !== undefined)
  if (!error) return null
  const causes = decided?.causes ?? error.causes?.map(message => ({ message }))
  const isPast = state === 'READY'
  return (
    <section className={`error-box${isPast ? ' past' : ''}`} aria-label="Last error">
      <h3>{isPast ? 'Last error, overcome' : 'Last error'}</h3>
      <p>
        <code>{error.code}</code> {error.message}
      </p>
      {causes && causes.length > 0 && (
        <ol className="causes">
          {causes.map((cause, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a chain has no other order
            <li key={index}>
              {'code' in cause && cause.code !== undefined && <code>{cause.code}</code>} {cause.message}
            </li>
          ))}
        </ol>
      )}
      {decided?.directive && (
        <p className="dim">
          Its supervisor <code>{decided.supervisor}</code> decided: {decided.directive}.
        </p>
      )}
    </section>
  )
}
