import { describe, expect, it } from 'vitest'
import { changedKeys } from '../../src/config/changes.ts'
import { parseConfig } from '../../src/config/parse.ts'

const changed = (before: string, after: string) =>
  changedKeys(parseConfig({ text: before }).config, parseConfig({ text: after }).config)

describe('the keys in which two configurations differ', () => {
  it('are none for two ways to write the same', () => {
    expect(changed('', 'supervision: { policies: { default: { shutdown: 5000 } } }')).toEqual([])
  })

  it('are told with their whole path, also where only one side has them, and lists as one', () => {
    const after = `
api: { port: 1, keys: [ abcdefgh ] }
engine: { context: 64 }
supervision:
  kinds: { peer: { shutdown: 1s } }
  names: { 'peer:attic': server }
`
    const keys = [
      'api.port',
      'api.keys',
      'engine.context',
      'supervision.kinds.peer',
      'supervision.names["peer:attic"]',
    ]
    expect(changed('', after)).toEqual(keys)
    expect(changed(after, '').toSorted()).toEqual(keys.toSorted())
  })
})
