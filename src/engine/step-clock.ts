const NUMBER = 0
const STARTED = 1

/** A step of a compute worker, while it runs. */
export interface RunningStep {
  /** Counts all steps of the worker, from 1. */
  readonly step: number
  readonly ageMs: number
}

/** Memory that a worker writes its step to, and that any thread reads while the worker is busy. */
export const createStepMemory = (): SharedArrayBuffer =>
  new SharedArrayBuffer(2 * BigInt64Array.BYTES_PER_ELEMENT)

/** The worker's side. */
export class StepRecorder {
  readonly #memory: BigInt64Array

  constructor(memory: SharedArrayBuffer) {
    this.#memory = new BigInt64Array(memory)
  }

  begin(): void {
    Atomics.add(this.#memory, NUMBER, 1n)
    Atomics.store(this.#memory, STARTED, process.hrtime.bigint())
  }

  end(): void {
    Atomics.store(this.#memory, STARTED, 0n)
  }
}

/** The step that runs now, or undefined between two steps. */
export function readStep(memory: SharedArrayBuffer): RunningStep | undefined {
  const cells = new BigInt64Array(memory)
  for (;;) {
    const step = Atomics.load(cells, NUMBER)
    const started = Atomics.load(cells, STARTED)
    if (started === 0n) return undefined
    // Another step may have begun in between.
    if (Atomics.load(cells, NUMBER) !== step) continue
    return { step: Number(step), ageMs: Math.max(0, Number(process.hrtime.bigint() - started) / 1e6) }
  }
}
