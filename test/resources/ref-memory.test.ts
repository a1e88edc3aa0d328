import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { TurnScheduler } from '../../src/concurrency/scheduler.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { silentLog } from '../../src/resources/log.ts'
import { Ref } from '../../src/resources/ref.ts'
import { scripted } from './scripted.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const MANY = 20_000

/** Bytes of heap for each of many things. */
function bytesEach(make: (index: number) => object): number {
  for (let index = 0; index < 2_000; index += 1) make(index)
  const kept = new Array<object>(MANY).fill(make)
  collect()
  const before = process.memoryUsage().heapUsed
  for (let index = 0; index < MANY; index += 1) kept[index] = make(index)
  collect()
  const bytes = (process.memoryUsage().heapUsed - before) / MANY
  expect(kept).toHaveLength(MANY)
  return bytes
}

describe('an idle ref with its mailbox', () => {
  it('takes less than 450 bytes', () => {
    const clock = new VirtualClock()
    const environment = { clock, log: silentLog, scheduler: new TurnScheduler(clock) }
    const { definition } = scripted()
    const bytes = bytesEach(() => new Ref({ definition, name: 'a', displayName: 'a', environment }))
    expect(bytes).toBeLessThan(450)
    expect(bytes).toBeGreaterThan(100)
  })
})
