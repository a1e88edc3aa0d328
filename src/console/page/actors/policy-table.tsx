import type { ActorDetail } from '../../../observe/view/messages.ts'

/** The policy that holds for an actor, field by field, as the configuration names them. */
export function PolicyTable({ spec }: { readonly spec: NonNullable<ActorDetail['spec']> }) {
  return (
    <details className="box policy">
      <summary>
        Policy <span className="dim">{spec.policy ?? 'from the defaults and its kind'}</span>
      </summary>
      <dl className="facts">
        {Object.entries(spec.resolved).flatMap(([name, value]) =>
          fields(name, value).map(([field, text]) => (
            <div key={field}>
              <dt>{field}</dt>
              <dd className="number">{text}</dd>
            </div>
          )),
        )}
      </dl>
    </details>
  )
}

function fields(name: string, value: unknown): readonly (readonly [string, string])[] {
  if (Array.isArray(value)) return [[name, value.join(', ')]]
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).flatMap(([inner, held]) => fields(`${name}.${inner}`, held))
  // JSON has no infinity: it comes as null.
  return [[name, value === null ? 'infinity' : String(value)]]
}
