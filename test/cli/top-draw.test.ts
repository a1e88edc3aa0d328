import { describe, expect, it } from 'vitest'
import { redraw } from '../../src/cli/top-draw.ts'
import { afterKeys } from '../../src/cli/top-keys.ts'
import { TopState } from '../../src/cli/top-model.ts'
import { topPicture } from '../../src/cli/top-picture.ts'
import { TopScreen } from '../../src/cli/top-screen.ts'
import type { Line } from '../../src/cli/top-text.ts'
import type { ActorRow } from '../../src/observe/view/messages.ts'
import { messages, now, row } from './top-messages.ts'
import { FakeTerminal } from './top-terminal.ts'

/** So narrow that the longest lines fill it. */
const size = { columns: 100, rows: 30 }
const textOf = (lines: readonly Line[]) =>
  lines.map(line =>
    line
      .map(({ text }) => text)
      .join('')
      .trimEnd(),
  )

/** A node with forty workers. */
function busyNode(): { readonly state: TopState; readonly workers: ActorRow[] } {
  const state = new TopState()
  for (const message of messages) state.take(message)
  const workers = Array.from({ length: 40 }, (_, index) => row(`node/worker${index}`))
  state.take({ type: 'changes', changed: workers, removed: [] })
  return { state, workers }
}

describe('what a terminal is told', () => {
  it('makes it show the picture, whatever it showed before', () => {
    const { state, workers } = busyNode()
    const terminal = new FakeTerminal(size.columns)
    let shown: readonly Line[] | undefined
    const states = ['READY', 'DEGRADED', 'ERROR', 'CLOSED'] as const
    for (let step = 0; step < 200; step += 1) {
      const worker = workers[(step * 7) % workers.length]!
      const change = {
        ...worker,
        state: states[step % 4]!,
        restarts: step,
        name: step % 3 ? worker.name : `漢${step}`,
      }
      if (step % 5 === 4) state.take({ type: 'changes', changed: [], removed: [worker.path] })
      else state.take({ type: 'changes', changed: [change], removed: [] })
      const view = { ...size, scroll: step % 20, filter: step % 11 === 0 ? 'er1' : '', now: now + step * 900 }
      const { lines } = topPicture(state, view)
      terminal.write(redraw(shown, lines, step % 2 === 0))
      shown = lines
      expect(terminal.lines.concat(Array(30).fill('')).slice(0, 30)).toEqual(textOf(lines))
    }
  })

  it('is nothing when nothing has changed', () => {
    const { lines } = topPicture(busyNode().state, { ...size, now })
    expect(redraw(lines, topPicture(busyNode().state, { ...size, now }).lines, true)).toBe('')
  })

  it('is a few bytes a second for a quiet tree, also when each actor began a moment ago', () => {
    const { state, workers } = busyNode()
    const young = workers.map(worker => ({ ...worker, since: now }))
    state.take({ type: 'changes', changed: young, removed: [] })
    const picture = (seconds: number) => topPicture(state, { ...size, now: now + seconds * 1_000 }).lines
    const whole = redraw(undefined, picture(20), true).length
    expect(redraw(picture(20), picture(21), true).length).toBeLessThan(whole / 4)
    // After a minute only those that tell of seconds still change.
    expect(redraw(picture(90), picture(91), true).length).toBeLessThan(60)
  })

  it('is a few bytes for one actor that changes its state', () => {
    const { state, workers } = busyNode()
    const before = topPicture(state, { ...size, now }).lines
    state.take({ type: 'changes', changed: [{ ...workers[3]!, state: 'DEGRADED' }], removed: [] })
    const text = redraw(before, topPicture(state, { ...size, now }).lines, true)
    // The state of that actor and the counts above.
    expect(text.length).toBeLessThan(150)
    expect(text).toContain('DEGRADED')
  })
})

describe('the keys', () => {
  const start = { scroll: 5, filter: '', isTyping: false }

  it.each([
    ['\u001b[A', 4],
    ['k', 4],
    ['\u001b[B', 6],
    ['jj', 7],
    ['\u001b[6~', 15],
    [' ', 15],
    ['\u001b[5~', 0],
    ['g', 0],
    ['\u001bOA', 4],
    ['x', 5],
    ['\u001b[99Z', 5],
    ['__proto__', 5],
  ])('%j scrolls to %i', (keys, scroll) => {
    expect(afterKeys(start, keys, 10)).toEqual({ ...start, scroll })
  })

  it('type a filter after a slash; Enter keeps it and Escape takes it back', () => {
    expect(afterKeys(start, '/qj', 10)).toEqual({ scroll: 0, filter: 'qj', isTyping: true })
    expect(afterKeys(start, '/pex\u007fer\r', 10)).toEqual({ scroll: 0, filter: 'peer', isTyping: false })
    expect(afterKeys({ ...start, filter: 'peer' }, '\u001b', 10)).toEqual(start)
    expect(afterKeys(start, '/漢\u0007', 10)).toMatchObject({ filter: '漢' })
    expect(afterKeys(start, `/${'x'.repeat(500)}`, 10)).toMatchObject({ filter: 'x'.repeat(100) })
  })

  it.each(['q', '\u0003', '\u0004', '/abc\u0003', 'jjq'])('%j ends it', keys => {
    expect(afterKeys(start, keys, 10)).toBe('quit')
  })
})

/** A terminal of a process, as far as it is used. */
function terminal() {
  const listeners = new Map<string, (data?: unknown) => void>()
  const fake = new FakeTerminal(size.columns)
  const record = { written: '', raw: false, paused: true, quit: 0 }
  const on = (event: string, listener: (data?: unknown) => void) => void listeners.set(event, listener)
  const off = (event: string) => void listeners.delete(event)
  const output = {
    ...size,
    on,
    off,
    writableNeedDrain: false,
    write: (text: string) => {
      record.written += text
      fake.write(text)
      return true
    },
  }
  const input = {
    on,
    off,
    setRawMode: (raw: boolean) => {
      record.raw = raw
    },
    pause: () => {
      record.paused = true
    },
    resume: () => {
      record.paused = false
    },
  }
  return { record, fake, listeners, output, input }
}

function opened() {
  const { record, fake, listeners, output, input } = terminal()
  const { state } = busyNode()
  const screen = new TopScreen(
    state,
    { input: input as never, output: output as never, colour: true, now: () => now },
    () => {
      record.quit += 1
    },
  )
  screen.open()
  screen.draw()
  return { screen, state, record, fake, listeners, output }
}

describe('the screen', () => {
  it('leaves the terminal as it was, once, and listens to nothing any more', () => {
    const exits = process.listenerCount('exit')
    const { screen, record, listeners } = opened()
    expect([record.raw, record.paused, listeners.size]).toEqual([true, false, 3])
    expect(record.written.startsWith('\u001b[?1049h\u001b[?25l')).toBe(true)
    screen.close()
    screen.close()
    expect(record.written.endsWith('\u001b[?25h\u001b[?1049l')).toBe(true)
    expect(record.written.split('\u001b[?1049l')).toHaveLength(2)
    expect([record.raw, record.paused, listeners.size]).toEqual([false, true, 0])
    expect(process.listenerCount('exit')).toBe(exits)
    const { length } = record.written
    screen.draw()
    expect(record.written).toHaveLength(length)
  })

  it('scrolls and ends by keys', () => {
    const { screen, fake, listeners, record } = opened()
    expect(fake.lines.at(-1)).toContain('1-23 of 47')
    listeners.get('data')?.(Buffer.from('jjj'))
    expect(fake.lines.at(-1)).toContain('4-26 of 47')
    listeners.get('data')?.(Buffer.from('G'))
    expect(fake.lines.at(-1)).toContain('25-47 of 47')
    listeners.get('data')?.(Buffer.from('k'))
    expect(fake.lines.at(-1)).toContain('24-46 of 47')
    listeners.get('data')?.(Buffer.from('q'))
    expect(record.quit).toBe(1)
    screen.close()
  })

  it('draws nothing for a line that is too slow, and the newest when it is ready', () => {
    const { screen, state, record, fake, listeners, output } = opened()
    const { length } = record.written
    output.writableNeedDrain = true
    for (let restarts = 1; restarts < 50; restarts += 1) {
      state.take({ type: 'changes', changed: [row('node/server', { restarts })], removed: [] })
      screen.draw()
    }
    expect(record.written).toHaveLength(length)
    output.writableNeedDrain = false
    listeners.get('drain')?.()
    expect(fake.lines.join('\n')).toMatch(/server +READY +49/)
    screen.close()
  })

  it('draws all anew when the terminal has changed its size', () => {
    const { screen, fake, listeners, output } = opened()
    output.columns = 50
    output.rows = 12
    listeners.get('resize')?.()
    expect(fake.lines).toHaveLength(12)
    expect(Math.max(...fake.lines.map(line => line.length))).toBeLessThanOrEqual(50)
    screen.close()
  })
})
