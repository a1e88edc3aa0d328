import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { cases, omitted } from './cases.ts'

const here = new URL('.', import.meta.url)
const files = readdirSync(here).filter(name => name.endsWith('.test.ts') && name !== 'cases.test.ts')
const text = files.map(name => readFileSync(new URL(name, here), 'utf8')).join('\n')

const found = (pattern: RegExp): string[] => Array.from(text.matchAll(pattern), ([, name]) => name as string)

/** The names with which titles begin, and those that begin the rows of a table of titles. */
const titles = found(/\bit\(\s*['"`]([a-z0-9_]+) — /g)
const rows = found(/^\s*\[\s*'([a-z0-9]+(?:_[a-z0-9]+)+)',/gm)
const tested = [...titles, ...rows]

describe('the list of OTP’s cases', () => {
  it('names 88 cases, each once', () => {
    expect(cases).toHaveLength(88)
    expect(new Set(cases).size).toBe(88)
  })

  it('has one test for each case, or says why there is none', () => {
    expect([...tested, ...Object.keys(omitted)].sort()).toEqual([...cases].sort())
  })

  it('covers at least 85 cases', () => {
    expect(tested.length).toBeGreaterThanOrEqual(85)
  })
})
