import type { ReactNode } from 'react'
import type { LifecycleState } from '../../../../machines/lifecycle.ts'

/** A shape for each state, so that they can be told apart without their colours. */
const shapes: Readonly<Record<LifecycleState, ReactNode>> = {
  UNINITIALIZED: <circle cx="6" cy="6" r="4" className="line dotted" />,
  INITIALIZING: (
    <>
      <circle cx="6" cy="6" r="4.2" className="line" />
      <path d="M6 1.8a4.2 4.2 0 0 1 0 8.4z" />
    </>
  ),
  READY: <circle cx="6" cy="6" r="4.8" />,
  DEGRADED: <path d="M6 .9 11.4 10.6H.6z" />,
  ERROR: (
    <>
      <rect x=".8" y=".8" width="10.4" height="10.4" rx="2" />
      <path d="M3.8 3.8l4.4 4.4M8.2 3.8 3.8 8.2" className="cut" />
    </>
  ),
  CLOSING: (
    <>
      <rect x="1.6" y="1.6" width="8.8" height="8.8" className="line" />
      <path d="M1.6 6h8.8v4.4H1.6z" />
    </>
  ),
  CLOSED: <rect x="1.8" y="1.8" width="8.4" height="8.4" className="line" />,
}

export function StateGlyph({ state }: { readonly state: LifecycleState }) {
  return (
    <svg viewBox="0 0 12 12" width="12" height="12" className={`glyph ${state}`} aria-hidden="true">
      {shapes[state]}
    </svg>
  )
}

export function StateChip({ state }: { readonly state: LifecycleState }) {
  return (
    <span className={`chip ${state}`}>
      <StateGlyph state={state} /> {state}
    </span>
  )
}
