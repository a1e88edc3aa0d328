import { channel } from '../../src/concurrency/channel.ts'
import { Lock, withLock } from '../../src/concurrency/lock.ts'
import { withTaskGroup } from '../../src/concurrency/task-group.ts'
import { CAPACITY, type Subject } from './concurrency-measures.ts'

const two = () =>
  withTaskGroup(async group => {
    const one = group.spawn(() => 1)
    const other = group.spawn(() => 2)
    return (await one.result) + (await other.result)
  })

async function twoChildren(times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) await two()
}

/** This project: task groups, and channel and lock with the task's scope, so that every wait can be cancelled. */
export const exovisor: Subject = {
  name: 'exovisor',
  twoChildren,
  async twoChildrenInside(times) {
    await withTaskGroup(group => group.spawn(() => twoChildren(times)).result)
  },
  async channel(items, senders, receivers) {
    const { sender, receiver } = channel<number>(CAPACITY)
    let next = 0
    let sum = 0
    await withTaskGroup(group => {
      for (let one = 0; one < senders; one += 1) {
        const end = sender.clone()
        group.spawn(async scope => {
          while (next < items) await end.send(next++, scope)
          end.close()
        })
      }
      sender.close()
      for (let one = 0; one < receivers; one += 1)
        group.spawn(async scope => {
          for await (const item of receiver.items(scope)) sum += item
        })
    })
    return sum
  },
  async freeLock(times) {
    const lock = new Lock()
    await withTaskGroup(
      group =>
        group.spawn(async scope => {
          for (let time = 0; time < times; time += 1) await withLock(lock, () => undefined, scope)
        }).result,
    )
  },
  async wantedLock(times, tasks) {
    const lock = new Lock()
    await withTaskGroup(group => {
      for (let task = 0; task < tasks; task += 1)
        group.spawn(async scope => {
          for (let time = 0; time < times / tasks; time += 1)
            await withLock(lock, () => Promise.resolve(), scope)
        })
    })
  },
  async tree(branches, leaves) {
    let left = branches * leaves
    let cancel: () => void = () => undefined
    let joined: Promise<unknown> = Promise.resolve()
    await new Promise<void>(ready => {
      joined = withTaskGroup(root => {
        cancel = () => root.cancel()
        for (let branch = 0; branch < branches; branch += 1)
          root.spawn(scope =>
            withTaskGroup(
              group => {
                for (let leaf = 0; leaf < leaves; leaf += 1)
                  group.spawn(own => {
                    left -= 1
                    if (left === 0) ready()
                    return own.forever()
                  })
              },
              { scope },
            ),
          )
      })
    })
    return {
      cancel: async () => {
        cancel()
        await joined
      },
    }
  },
}
