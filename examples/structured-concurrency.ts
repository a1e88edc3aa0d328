/**
 * Tasks that end together: the first failure stops the others, a deadline stops them all, and what has been acquired is given back.
 *
 *     node --conditions=source examples/structured-concurrency.ts
 */
import { channel, failAfter, moveOnAfter, withTaskGroup } from 'exovisor/concurrency'

// Three workers take jobs from one channel. It ends when its sender is closed, and the group when all workers have ended.
const done: string[] = []
await withTaskGroup(async group => {
  const { sender, receiver } = channel<number>(2)
  for (const name of ['a', 'b', 'c'])
    group.spawn(async scope => {
      for await (const job of receiver.items(scope)) done.push(`${job} by ${name}`)
    })
  for (let job = 1; job <= 6; job += 1) await sender.send(job, group.scope)
  sender.close()
})
console.log(`${done.length} jobs are done`)

// A failure cancels the siblings, and comes with every other failure in one error.
try {
  await withTaskGroup(group => {
    group.spawn(scope =>
      scope.forever().finally(() => console.log('the sibling was cancelled, and cleans up')),
    )
    group.spawn(() => {
      throw new Error('no route to host')
    })
  })
} catch (error) {
  console.log(`${(error as AggregateError).errors.length} failure: ${(error as Error).message}`)
}

// moveOnAfter goes on without an error, failAfter throws one.
const fresh = await moveOnAfter(20, async scope => {
  await scope.sleep(60_000)
  return 'fresh'
})
console.log(`a slow answer is ${fresh}, so the remembered one is used`)
await failAfter(20, scope => scope.sleep(60_000), { name: 'the question' }).catch((error: Error) =>
  console.log(error.message),
)
