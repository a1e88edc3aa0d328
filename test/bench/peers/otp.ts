import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Figures, Sizes } from '../supervision-measures.ts'

/** The figures of Erlang/OTP by the same definitions; undefined when there is no Erlang. */
export function measureOtp({
  many,
  kills,
  idle,
  roundTrips,
  rounds,
  siblings,
  supervisors,
}: Sizes): Figures | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'exovisor-otp-'))
  const sizes = [many, kills, idle, roundTrips, rounds, ...siblings, supervisors]
  try {
    execFileSync('erlc', [join(import.meta.dirname, 'otp.erl')], { cwd: folder })
    const line = execFileSync(
      'erl',
      [
        ...['+S', '1:1', '+sbwt', 'none', '+P', '1000000', '-noshell', '-kernel', 'logger_level', 'none'],
        ...['-eval', `otp:main([${sizes.map(size => `"${size}"`).join(',')}])`],
      ],
      { cwd: folder, encoding: 'utf8' },
    )
    return JSON.parse(line) as Figures
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  } finally {
    rmSync(folder, { recursive: true })
  }
}
