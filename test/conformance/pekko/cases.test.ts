import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { cases } from './cases.ts'

const here = new URL('.', import.meta.url)
const files = readdirSync(here).filter(name => name.endsWith('.test.ts') && name !== 'cases.test.ts')
const text = files.map(name => readFileSync(new URL(name, here), 'utf8')).join('\n')

/** The numbers of cases that stand at the beginning of a title, or in a table of titles. */
const tested = new Set(Array.from(text.matchAll(/['"`]([TSHRMBOD]\d+)(?=[ '"`])/g), ([, id]) => id as string))

describe('the list of Pekko’s cases', () => {
  it('has a test for each case, or says why there is none', () => {
    const claimed = Object.entries(cases).flatMap(([id, what]) => (typeof what === 'string' ? [id] : []))
    expect([...tested].sort()).toEqual(claimed.sort())
  })

  it('covers at least sixty cases', () => {
    expect(tested.size).toBeGreaterThanOrEqual(60)
  })
})
