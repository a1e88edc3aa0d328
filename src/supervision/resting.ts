/** A supervisor that can rest with all below it. */
export interface Resting {
  rest(): void
}
