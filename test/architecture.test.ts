import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '..')

/** From the kernel outwards: a room may use those before it, never those after it. */
const ROOMS = [
  'concurrency',
  'actors',
  'resources',
  'supervision',
  'config',
  'observe',
  'network',
  'discovery',
  'models',
  'engine',
  'cluster',
  'serving',
  'console',
  'node',
  'cli',
]

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(name => /\.tsx?$/.test(name) && !name.includes('generated'))
    .map(name => join(folder, name))
}

/** What a file imports, in whichever way: with names, for its types or its effects only, re-exported, or later. */
function specifiers(text: string): string[] {
  const found = text.matchAll(
    /^\s*(?:(?:import|export)\b[^'"]*?\bfrom\s*|import\s*)'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/gm,
  )
  return [...found].map(match => match[1] ?? match[2] ?? '')
}

function imports(file: string): string[] {
  return specifiers(readFileSync(join(root, file), 'utf8'))
    .filter(name => name.startsWith('.'))
    .map(name => relative(root, resolve(root, file, '..', name)))
}

/** `node.ts` and the files beside it that begin with `node-` are one room. */
const roomOf = (file: string) => /^src\/([a-z]+)(?:-[a-z]+)?(?:\/|\.ts)/.exec(file)?.[1]

describe('the house', () => {
  it('sees every way to import', () => {
    const text = [
      "import a from './a.ts'",
      'import {',
      '  b,',
      "} from './b.ts'",
      "import './effects.ts'",
      "import type { C } from './c.ts'",
      "export * from './d.ts'",
      "const late = await import('./late.ts')",
      "const said = 'import the rest from somewhere'",
    ].join('\n')
    const names = ['./a.ts', './b.ts', './effects.ts', './c.ts', './d.ts', './late.ts']
    expect(specifiers(text)).toEqual(names)
  })

  it('lets rooms import upwards only', () => {
    const wrong = sources('src').flatMap(file => {
      const from = ROOMS.indexOf(roomOf(file) ?? '')
      if (from < 0) return []
      return imports(file)
        .filter(target => ROOMS.indexOf(roomOf(target) ?? '') > from)
        .map(target => `${file} imports ${target}`)
    })
    expect(wrong).toEqual([])
  })

  it('keeps the machines free of everything but xstate', () => {
    const wrong = sources('machines').flatMap(file => {
      return specifiers(readFileSync(join(root, file), 'utf8')).filter(
        name => !name.startsWith('./') && name !== 'xstate',
      )
    })
    expect(wrong).toEqual([])
  })

  it('knows every room, so that no folder escapes the rule', () => {
    const rooms = new Set(sources('src').map(roomOf))
    for (const alone of ['errors', 'index', 'runtime', 'version']) rooms.delete(alone)
    expect([...rooms].filter(room => !ROOMS.includes(room ?? ''))).toEqual([])
  })

  it('keeps files small: none over 400 lines, the median under 150', () => {
    const lengths = [...sources('src'), ...sources('machines')].map(file => ({
      file,
      lines: readFileSync(join(root, file), 'utf8').split('\n').length,
    }))
    expect(lengths.filter(({ lines }) => lines > 400)).toEqual([])
    const sorted = lengths.map(({ lines }) => lines).sort((a, b) => a - b)
    expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThan(150)
  })

  it('keeps functions small: none of 70 lines or more', () => {
    const long = [...sources('src'), ...sources('machines')].flatMap(file => {
      const tree = ts.createSourceFile(
        file,
        readFileSync(join(root, file), 'utf8'),
        ts.ScriptTarget.Latest,
        true,
      )
      const lineOf = (position: number) => tree.getLineAndCharacterOfPosition(position).line
      const found: string[] = []
      const visit = (node: ts.Node): void => {
        const lines = lineOf(node.end) - lineOf(node.getStart()) + 1
        if (ts.isFunctionLike(node) && lines >= 70)
          found.push(`${file}:${lineOf(node.getStart()) + 1} has ${lines}`)
        ts.forEachChild(node, visit)
      }
      visit(tree)
      return found
    })
    expect(long).toEqual([])
  })

  it('takes time and chance from outside in the kernel', () => {
    const kernel = ['src/actors', 'src/resources', 'src/supervision', 'src/concurrency', 'machines'].flatMap(
      sources,
    )
    const wrong = kernel.filter(
      file =>
        file !== 'src/concurrency/clock.ts' &&
        /\b(Date\.now|Math\.random|performance\.now|(?<![.\w])set(Timeout|Interval))\(/.test(
          readFileSync(join(root, file), 'utf8'),
        ),
    )
    expect(wrong).toEqual([])
  })
})
