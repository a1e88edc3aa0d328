import { createHash } from 'node:crypto'

const milliseconds = (time: number): string => time.toFixed(3).replace(/\.?0+$/, '')

/** What happened in a world, one line each. Lines name nothing that differs from run to run. */
export class Trace {
  readonly lines: string[] = []

  note(time: number, text: string): void {
    this.lines.push(`${milliseconds(time)} ${text}`)
  }

  /** Equal for equal traces. */
  hash(): string {
    return createHash('sha256').update(this.lines.join('\n')).digest('hex').slice(0, 16)
  }
}
