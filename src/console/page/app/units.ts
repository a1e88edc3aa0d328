/** A length of time for people: `840 ms`, `12 s`, `3 m 12 s`, `5 h 2 m`, `3 d 4 h`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`
  const seconds = Math.floor(ms / 1_000)
  const units = [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'm'],
    [1, 's'],
  ] as const
  const first = units.findIndex(([size]) => seconds >= size)
  return units
    .slice(first, first + 2)
    .map(([size, unit], index) => [
      Math.floor((index === 0 ? seconds : seconds % sizeBefore(first)) / size),
      unit,
    ])
    .filter(([count], index) => index === 0 || count !== 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ')

  function sizeBefore(index: number): number {
    return units[index]?.[0] ?? 1
  }
}

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })

/** The time of day to a thousandth, as it stands in logs. */
export function timeOfDay(time: number): string {
  return `${clock.format(time)}.${String(Math.floor(time % 1_000)).padStart(3, '0')}`
}

export function bytes(count: number): string {
  if (count >= 1e9) return `${(count / 1e9).toFixed(2)} GB`
  if (count >= 1e6) return `${(count / 1e6).toFixed(count >= 1e8 ? 0 : 1)} MB`
  return `${(count / 1e3).toFixed(1)} kB`
}

/** Milliseconds with as many digits as mean something. */
export function milliseconds(ms: number): string {
  return ms < 10 ? `${ms.toFixed(2)} ms` : ms < 100 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`
}
