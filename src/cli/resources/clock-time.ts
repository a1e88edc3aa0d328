const two = (value: number): string => String(value).padStart(2, '0')

/** A moment as people write it here, to the second: `2026-11-20 22:05:09`. */
export function clockTime(milliseconds: number): string {
  const date = new Date(milliseconds)
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-')
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`
}
