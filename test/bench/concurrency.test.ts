import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const names = [
  'two_children_us',
  'two_children_inside_us',
  'channel_1_to_1_us',
  'channel_4_to_4_us',
  'lock_free_us',
  'lock_10_waiters_us',
  'tree_10k_ms',
  'tree_10k_cancel_ms',
]
const peers = ['promises', 'effect', 'effection']

it('the bench of concurrency runs and prints every figure and ratio, as one line', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--conditions=source',
    join(import.meta.dirname, 'concurrency.ts'),
    '--tiny',
    '--json',
  ])
  const [line, ...rest] = stdout.trimEnd().split('\n')
  expect(rest).toEqual([])
  const { ratios, ...figures } = JSON.parse(line ?? '') as Record<string, Record<string, unknown>>
  expect(Object.keys(figures)).toEqual(['exovisor', ...peers])
  for (const [subject, reached] of Object.entries(figures)) {
    expect(Object.keys(reached), subject).toEqual(names)
    for (const name of names) expect(reached[name], `${subject} ${name}`).toBeGreaterThan(0)
  }
  expect(Object.keys(ratios ?? {})).toEqual(names)
  for (const [name, others] of Object.entries(ratios ?? {})) {
    expect(Object.keys(others as object), name).toEqual(peers)
    for (const ratio of Object.values(others as object)) expect(ratio, name).toBeGreaterThan(0)
  }
})
