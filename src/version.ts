import { readFileSync } from 'node:fs'

/** package.json lies one folder above the sources, and two above what is built of them. */
const places = ['../package.json', '../../package.json']

function readVersion(): string {
  for (const place of places) {
    try {
      const content: unknown = JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8'))
      const { name, version } = content as { name?: string; version?: string }
      if (name === 'exovisor' && version !== undefined) return version
    } catch {
      // Not there: the next place.
    }
  }
  return '0.0.0'
}

/** The version of this package. */
export const version: string = readVersion()
