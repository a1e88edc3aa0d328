import type { ExovisorError } from '../errors.ts'
import type { Child } from './child.ts'

/** An end that waits until its supervisor goes on. */
export interface HeldEnd {
  readonly child: Child
  readonly failure: ExovisorError | undefined
  readonly command: number
}

/** A supervisor that can rest with all below it. */
export interface Resting {
  rest(): void
}
