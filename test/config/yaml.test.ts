import { describe, expect, it } from 'vitest'
import { readYaml, yamlLimits } from '../../src/config/yaml.ts'

describe('reading YAML', () => {
  it('remembers where keys and values stood, in lists and behind anchors too', () => {
    const source = readYaml('a: &x\n  b: [1, 2]\nc: *x\n')
    expect(source.faults).toEqual([])
    expect(source.value).toEqual({ a: { b: [1, 2] }, c: { b: [1, 2] } })
    expect(source.position(['a', 'b', '1'])).toEqual({ line: 2, column: 10 })
    expect(source.position(['c', 'b'], 'key')).toEqual({ line: 2, column: 3 })
    expect(source.position(['c'], 'key')).toEqual({ line: 3, column: 1 })
    expect(source.position(['nowhere'])).toBeUndefined()
  })

  it.each([
    ['an open bracket', 'a: 1\nb: [1,', 2],
    ['a tab as indentation', 'a:\n\tb: 1', 2],
    ['a map within a line', 'a: b: c', 1],
    ['an open quote', 'a: 1\nb: "x', 2],
    ['a second document', 'a: 1\n---\nb: 1', 2],
    ['an unknown tag', 'a: !js/function x', 1],
    ['an alias without an anchor', 'a: 1\nb: *nope', 2],
    ['a key that is a list', '? [a]\n: 1', 1],
    ['a key that would change the prototype', 'a: 1\n__proto__: { b: 1 }', 2],
  ])('finds the line of %s', (_what, text, line) => {
    const { faults } = readYaml(text)
    expect(faults.length).toBeGreaterThan(0)
    expect(faults[0]).toMatchObject({ line, message: expect.stringMatching(/\w/) })
  })

  it('finds every duplicate key, and says where the first one was', () => {
    const { faults, value } = readYaml('a: 1\nb: { c: 1, c: 2 }\na: 3\n')
    expect(faults.map(({ line, column, path }) => ({ line, column, path }))).toEqual([
      { line: 2, column: 12, path: ['b', 'c'] },
      { line: 3, column: 1, path: ['a'] },
    ])
    expect(faults[1]?.message).toContain('first in line 1')
    expect(value).toEqual({ a: 1, b: { c: 1 } })
  })

  it('is nothing for an empty text and for comments alone', () => {
    expect(readYaml('').value).toBeUndefined()
    expect(readYaml('# nothing\n')).toMatchObject({ value: undefined, faults: [] })
  })
})

describe('a hostile text', () => {
  const only = (text: string) => {
    const { faults } = readYaml(text)
    expect(faults).toHaveLength(1)
    return faults[0]
  }

  it('is refused when its aliases multiply', () => {
    const letters = [...'abcdefghi']
    const lines = letters
      .slice(1)
      .map((name, index) => `${name}: &${name} [${Array(9).fill(`*${letters[index]}`)}]`)
    expect(only(['a: &a [x, x, x]', ...lines].join('\n'))).toMatchObject({
      line: 3,
      message: 'more than 100 uses of an alias',
    })
  })

  it('is refused when an alias is within its own anchor', () => {
    expect(only('x: &a [*a]')?.message).toContain('nested deeper')
  })

  it.each(['[', '{a: ', '- ', '? '])(
    'is refused when it nests %j without end, before anything recurses',
    piece => {
      expect(only(piece.repeat(200_000))).toMatchObject({
        line: 1,
        message: `nested deeper than ${yamlLimits.depth} levels`,
      })
    },
  )

  it('may nest as deep as the limit', () => {
    const { depth } = yamlLimits
    expect(readYaml(`${'['.repeat(depth)}${']'.repeat(depth)}`).faults).toEqual([])
    expect(readYaml(`${'{a: '.repeat(depth)}1${'}'.repeat(depth)}`).faults).toEqual([])
  })

  it('is refused when it is too large or holds too many values', () => {
    expect(only(`a: ${'é'.repeat(600_000)}`)?.message).toContain('expected at most 1048576')
    expect(only(`[${'1,'.repeat(yamlLimits.values)}]`)?.message).toBe(`more than ${yamlLimits.values} values`)
  })

  it('gives a bounded number of faults', () => {
    expect(readYaml('}\n'.repeat(2_000)).faults).toHaveLength(yamlLimits.faults)
    expect(readYaml('a: 1\n'.repeat(2_000)).faults).toHaveLength(yamlLimits.faults)
  })
})
