import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const names = [
  'spawn_per_s',
  'roundtrips_per_s',
  'bytes_per_actor',
  'restart_us_1',
  'restart_us_1k',
  'restart_us_10k',
  'storm_10k_cpu_ms',
  'storm_10k_max_stall_ms',
  'storm_10k_100sup_cpu_ms',
  'storm_10k_100sup_max_stall_ms',
  'ready_ns',
  'mailbox_vs_xstate_ratio',
]

it('the bench of supervision runs and prints every figure, as one line', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--conditions=source',
    '--expose-gc',
    join(import.meta.dirname, 'supervision.ts'),
    '--tiny',
    '--json',
  ])
  const [line, ...rest] = stdout.trimEnd().split('\n')
  expect(rest).toEqual([])
  const figures = JSON.parse(line ?? '') as Record<string, unknown>
  expect(Object.keys(figures)).toEqual(names)
  for (const name of names) expect(figures[name], name).toBeTypeOf('number')
})
