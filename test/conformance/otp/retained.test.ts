import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { lifecycle } from '../../../machines/lifecycle.ts'
import { defineResource } from '../../../src/resources/define.ts'
import type { ResourceSelf } from '../../../src/resources/types.ts'
import type { Supervisor } from '../../../src/supervision/types.ts'
import { otp, simple } from './world.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Unlike a scripted worker it remembers none of its lives: they hold what they were started with. */
const resource = defineResource<object, { readonly self: ResourceSelf }>({
  kind: 'forgetful',
  machine: lifecycle,
  initialize: async ({ self }) => ({ self }),
})
const forgetful = { typed: { id: 'forgetful', resource: resource as never, input: {} } }

/** What OTP's test gives as a start argument. */
const bigInput = () => ({ list: new Array<number>(1_000).fill(0) })

/**
 * Which of these are still held after all that may let go of them has run. A collection is of use only in a turn in which nobody has
 * looked at a weak reference, hence the turns.
 */
async function held(...weak: readonly WeakRef<object>[]): Promise<readonly boolean[]> {
  for (let turn = 0; turn < 2; turn += 1) {
    await new Promise(resolve => setImmediate(resolve))
    collect()
  }
  return weak.map(each => each.deref() !== undefined)
}

/** Starts a child with an input that nobody else holds. */
async function startWithBigInput(
  root: Supervisor,
  id: string,
  restart: 'permanent' | 'transient' | 'temporary',
): Promise<WeakRef<object>> {
  const input = bigInput()
  await root.start({ id, resource, restart, input })
  return new WeakRef(input)
}

async function spawnWithBigInput(
  spawn: (id: string, input: object) => Promise<unknown>,
  id: string,
): Promise<WeakRef<object>> {
  const input = bigInput()
  await spawn(id, input)
  return new WeakRef(input)
}

describe('what is kept of a temporary child', () => {
  // OTP forgets the arguments as soon as the child has started. Here they are kept while it lives, since restart(id) may start it again.
  it('do_not_save_start_parameters_for_temporary_children — when it has ended nobody holds its input; that of others is kept for their restart', async () => {
    for (const strategy of ['one_for_one', 'one_for_all', 'rest_for_one'] as const) {
      const { root, terminate } = await otp(strategy, 10, 3600)
      const permanent = await startWithBigInput(root, 'permanent', 'permanent')
      const transient = await startWithBigInput(root, 'transient', 'transient')
      const ended = await startWithBigInput(root, 'ended', 'temporary')
      const failed = await startWithBigInput(root, 'failed', 'temporary')
      const stopped = await startWithBigInput(root, 'stopped', 'temporary')
      await terminate('ended', 'normal')
      await terminate('failed', 'abnormal')
      await root.stop('stopped')
      await root.stop('transient')
      const isHeld = await held(ended, failed, stopped, permanent, transient)
      expect(isHeld, strategy).toEqual([false, false, false, true, true])
      await root.close()
    }
    const { root, spawn, terminate } = await simple(10, 3600, forgetful, { restart: 'temporary' })
    const [ended, alive] = [await spawnWithBigInput(spawn, 'a'), await spawnWithBigInput(spawn, 'b')]
    await terminate('a', 'normal')
    expect(await held(ended, alive)).toEqual([false, true])
    await root.close()
  })

  it('simple_one_for_one_corruption — the input of a child that comes after a temporary one has ended is not kept beyond its own end', async () => {
    const { root, spawn, terminate } = await simple(10, 3600, forgetful, { restart: 'temporary' })
    await spawn('first')
    await terminate('first', 'abnormal')
    expect(root.children()).toEqual([])
    const second = await spawnWithBigInput(spawn, 'second')
    const third = await spawnWithBigInput(spawn, 'third')
    await terminate('second', 'abnormal')
    expect(await held(second, third)).toEqual([false, true])
    expect(root.count().specs).toBe(1)
    await root.close()
  })
})
