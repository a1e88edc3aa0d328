import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  Parser,
  parseDocument,
} from 'yaml'
import { formatPath, type Path } from './path.ts'

/** What is accepted of a YAML text. A configuration needs a small part of each. */
export const yamlLimits = {
  /** UTF-8 bytes of the whole text. */
  bytes: 1_048_576,
  /** How deep lists and maps may be nested. */
  depth: 32,
  /** Keys, items and scalars, those behind an alias counted at each use. */
  values: 20_000,
  /** Uses of an alias, those behind another alias counted at each use. */
  aliases: 100,
  /** Faults that are reported of one text. */
  faults: 100,
} as const

/** A place in a text, both counted from 1. */
interface Position {
  readonly line: number
  readonly column: number
}

/** A fault of the text itself. */
interface YamlFault extends Position {
  readonly path: Path
  readonly message: string
}

/** A YAML text as plain data that remembers where each part stood. */
export interface YamlSource {
  /** Plain objects, arrays and scalars; undefined when the text is empty or too broken to read. */
  readonly value: unknown
  readonly faults: readonly YamlFault[]
  /** Where the value of a path stands, or its key; undefined when the text has no such path. */
  position(path: Path, part?: 'key' | 'value'): Position | undefined
}

/**
 * Reads one YAML document (version 1.2, core schema). Never throws: what is wrong stands in `faults`.
 * Duplicate keys are searched for here and not by the library, whose search takes time that is quadratic in the keys.
 */
export function readYaml(text: string): YamlSource {
  const lines = new LineCounter()
  const positions = new Map<string, { key: number; value: number }>()
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  const position = (path: Path, part: 'key' | 'value' = 'value'): Position | undefined => {
    const offsets = positions.get(formatPath(path))
    return offsets && at(offsets[part])
  }
  const broken = (fault: YamlFault): YamlSource => ({ value: undefined, faults: [fault], position })

  const bytes = Buffer.byteLength(text)
  if (bytes > yamlLimits.bytes)
    return broken({
      path: [],
      line: 1,
      column: 1,
      message: `the text has ${bytes} bytes, expected at most ${yamlLimits.bytes}`,
    })
  const deep = firstTooDeep(text, lines)
  if (deep !== undefined) return broken({ path: [], ...at(deep), message: tooDeep })

  const document = parseDocument(text, {
    lineCounter: lines,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'error',
  })
  const faults = syntaxFaults(document, at)
  if (faults.length > 0) return { value: undefined, faults, position }
  const conversion = new Conversion(document, positions, at)
  const value = conversion.convert(document.contents, [], 0)
  return { value: value === null ? undefined : value, faults: conversion.faults, position }
}

const tooDeep = `nested deeper than ${yamlLimits.depth} levels`

/** The offset at which the nesting passes the limit, found before anything recurses over the text. */
function firstTooDeep(text: string, lines: LineCounter): number | undefined {
  const parser = new Parser()
  for (const lexeme of new Lexer().lex(text)) {
    // Whole documents are not wanted here, only how deep the parser stands: two tokens a level at most.
    for (const _ of parser.next(lexeme));
    if (parser.stack.length > 2 * yamlLimits.depth + 2) {
      for (let at = text.indexOf('\n'); at >= 0 && at < parser.offset; at = text.indexOf('\n', at + 1))
        lines.addNewLine(at + 1)
      return parser.offset
    }
  }
  return undefined
}

function syntaxFaults(document: Document.Parsed, at: (offset: number) => Position): YamlFault[] {
  return [...document.errors, ...document.warnings]
    .toSorted((a, b) => a.pos[0] - b.pos[0])
    .slice(0, yamlLimits.faults)
    .map(({ pos, message }) => ({
      path: [],
      ...at(pos[0]),
      message: message.split('\n')[0] ?? 'a syntax error',
    }))
}

/** One walk over the parsed document: makes plain data, notes positions, counts against the limits. */
class Conversion {
  readonly faults: YamlFault[] = []
  readonly #document: Document.Parsed
  readonly #positions: Map<string, { key: number; value: number }>
  readonly #at: (offset: number) => Position
  #values = 0
  #aliases = 0
  #stopped = false

  constructor(
    document: Document.Parsed,
    positions: Map<string, { key: number; value: number }>,
    at: (offset: number) => Position,
  ) {
    this.#document = document
    this.#positions = positions
    this.#at = at
  }

  convert(node: Node | null, path: Path, keyOffset: number): unknown {
    const offset = node?.range?.[0] ?? keyOffset
    if (this.#stopped) return undefined
    this.#values += 1
    if (this.#values > yamlLimits.values)
      return this.#stop(path, offset, `more than ${yamlLimits.values} values`)
    if (path.length > yamlLimits.depth) return this.#stop(path.slice(0, 1), offset, tooDeep)
    this.#positions.set(formatPath(path), { key: keyOffset, value: offset })
    if (isAlias(node)) {
      this.#aliases += 1
      if (this.#aliases > yamlLimits.aliases)
        return this.#stop(path, offset, `more than ${yamlLimits.aliases} uses of an alias`)
      const target = node.resolve(this.#document)
      if (target !== undefined) return this.convert(target, path, keyOffset)
      this.#fault(path, offset, `no anchor &${node.source} stands before this alias`)
      return null
    }
    if (isMap<Node, Node | null>(node)) return this.#convertMap(node.items, path)
    if (isSeq<Node>(node))
      return node.items.map((item, index) =>
        this.convert(item, [...path, String(index)], item.range?.[0] ?? offset),
      )
    return isScalar(node) ? node.value : null
  }

  #convertMap(items: readonly { key: Node; value: Node | null }[], path: Path): Record<string, unknown> {
    const map: Record<string, unknown> = {}
    for (const { key, value } of items) {
      const offset = key.range?.[0] ?? 0
      const name = isScalar(key) && key.value !== null ? String(key.value) : undefined
      if (name === undefined || name === '__proto__') {
        this.#fault(path, offset, 'a key must be a text')
      } else if (Object.hasOwn(map, name)) {
        const first = this.#positions.get(formatPath([...path, name]))
        this.#fault(
          [...path, name],
          offset,
          `the key is there twice, first in line ${this.#at(first?.key ?? 0).line}`,
        )
      } else {
        map[name] = this.convert(value, [...path, name], offset)
      }
    }
    return map
  }

  #fault(path: Path, offset: number, message: string): void {
    if (this.faults.length < yamlLimits.faults) this.faults.push({ path, ...this.#at(offset), message })
  }

  #stop(path: Path, offset: number, message: string): undefined {
    this.#stopped = true
    this.#fault(path, offset, message)
    return undefined
  }
}
