import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'

const main = resolve(import.meta.dirname, '../../src/cli/main.ts')

export interface Running {
  readonly child: ChildProcess
  /** Lines of stdout so far. */
  readonly lines: string[]
  /** Everything on stderr so far. */
  stderr(): string
  /** Waits for the end. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
  /** Waits for a line of JSON on stdout that fits. */
  line(fits: (value: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>
}

const started: ChildProcess[] = []

/** Ends whatever a failed test has left. */
export function killStarted(): void {
  for (const child of started.splice(0)) child.kill('SIGKILL')
}

/** Starts the program from its sources, as `npx exovisor` would the built one. */
export function exovisor(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd?: string,
): Running {
  const child = spawn(process.execPath, [main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', ...env },
    ...(cwd !== undefined && { cwd }),
  })
  started.push(child)
  const lines: string[] = []
  const waiting = new Set<() => void>()
  let stderr = ''
  child.stderr?.on('data', data => {
    stderr += data
  })
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', text => {
    lines.push(text)
    for (const check of [...waiting]) check()
  })
  const ended = once(child, 'close').then(([code, signal]) => {
    for (const check of [...waiting]) check()
    return { code, signal } as { code: number | null; signal: NodeJS.Signals | null }
  })
  return {
    child,
    lines,
    stderr: () => stderr,
    ended,
    line: fits =>
      new Promise((found, failed) => {
        let seen = 0
        const check = () => {
          for (; seen < lines.length; seen += 1) {
            const value = parse(lines[seen] ?? '')
            if (value && fits(value)) {
              waiting.delete(check)
              found(value)
              return
            }
          }
          if (child.exitCode !== null || child.signalCode !== null)
            failed(new Error(`it ended without that line; stderr: ${stderr}`))
        }
        waiting.add(check)
        check()
      }),
  }
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** As `kill -9`. A pid of 0 would mean our own process group. */
export function killProcess(pid: number | undefined): void {
  if (pid === undefined || pid < 2) throw new Error(`there is no process ${pid} to kill`)
  process.kill(pid, 'SIGKILL')
}
