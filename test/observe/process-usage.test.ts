import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { processUsage } from '../../src/observe/process-usage.ts'

describe('what a process takes up, where the system tells', () => {
  it('is its resident memory, about what it says itself', () => {
    const { memory = 0 } = processUsage(process.pid)
    expect(memory / process.memoryUsage.rss()).toBeGreaterThan(0.5)
    expect(memory / process.memoryUsage.rss()).toBeLessThan(2)
  })

  it('is its handles: one more for each file that it opens', async () => {
    // Of a process that does nothing else meanwhile.
    const child = spawn(process.execPath, [
      '-e',
      `const fs = require('node:fs')
       process.stdout.write('ready')
       process.stdin.once('data', () => {
         for (let i = 0; i < 5; i += 1) fs.openSync(process.execPath)
         process.stdout.write('open')
       })`,
    ])
    try {
      await once(child.stdout, 'data')
      const { handles: before = 0 } = processUsage(child.pid ?? 0)
      expect(before).toBeGreaterThan(2)
      child.stdin.write('go')
      await once(child.stdout, 'data')
      expect(processUsage(child.pid ?? 0).handles).toBe(before + 5)
    } finally {
      child.kill('SIGKILL')
      await once(child, 'close')
    }
    expect(processUsage(child.pid ?? 0)).toEqual({})
  })
})
