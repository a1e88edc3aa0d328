/**
 * Iterates until `signal` aborts. Unlike a loop over `source` itself it does not wait for the step that is
 * under way: it throws the signal's reason at once, and asks the source to return. Leaving the loop early asks that too.
 * @throws the reason of the signal
 */
export async function* interruptible<T>(
  source: AsyncIterable<T>,
  signal: AbortSignal,
): AsyncGenerator<T, void> {
  signal.throwIfAborted()
  const iterator = source[Symbol.asyncIterator]()
  let interrupt: ((reason: unknown) => void) | undefined
  const onAbort = () => interrupt?.(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  const step = () =>
    new Promise<IteratorResult<T>>((resolve, reject) => {
      interrupt = reject
      if (signal.aborted) reject(signal.reason)
      else iterator.next().then(resolve, reject)
    })
  try {
    for (let next = await step(); next.done !== true; next = await step()) yield next.value
  } finally {
    signal.removeEventListener('abort', onAbort)
    // Not awaited: a source that is busy answers only after its step. How it ends then concerns nobody any more.
    void iterator.return?.().catch(() => undefined)
  }
}
