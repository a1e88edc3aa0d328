const KEY = 'exovisor.token'

/**
 * The token of this tab. It comes with the address, behind the `#`, which no browser sends to a server; it is kept for the life of the
 * tab and taken out of the address, so that it is in no bookmark and in no screenshot.
 */
export function takeToken(): string | undefined {
  const given = /^#token=([\w-]+)$/.exec(location.hash)?.[1]
  if (given !== undefined) {
    keepToken(given)
    history.replaceState(null, '', `${location.pathname}#/actors`)
  }
  try {
    return given ?? sessionStorage.getItem(KEY) ?? undefined
  } catch {
    return given
  }
}

export function keepToken(token: string): void {
  try {
    sessionStorage.setItem(KEY, token)
  } catch {
    // A browser that keeps nothing asks again after a reload.
  }
}

/** The token in what somebody typed: the token itself, or the whole address that has it. */
export function tokenIn(text: string): string | undefined {
  return /(?:#token=|^)([\w-]{8,})$/.exec(text.trim())?.[1]
}
