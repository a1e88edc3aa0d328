/** One signal that follows several others. */
export interface LinkedSignal {
  readonly signal: AbortSignal
  /** Takes its listeners off the others. */
  unlink(): void
}

/** A signal that is aborted, with the same reason, as soon as one of the others is. Unlike AbortSignal.any it leaves no trace on them. */
export function linkSignals(signals: readonly AbortSignal[]): LinkedSignal {
  const linked = new AbortController()
  const follow = ({ target }: Event): void => {
    if (target instanceof AbortSignal) linked.abort(target.reason)
  }
  for (const signal of signals) {
    if (signal.aborted) linked.abort(signal.reason)
    else signal.addEventListener('abort', follow, { once: true })
  }
  return {
    signal: linked.signal,
    unlink: () => {
      for (const signal of signals) signal.removeEventListener('abort', follow)
    },
  }
}
