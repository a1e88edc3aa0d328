import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { extractFacts } from '../../examples/train-model/extract-facts.ts'

const training = new URL('../../examples/train-model/', import.meta.url)
const builtin = new URL('../../src/models/builtin/', import.meta.url)
const facts = extractFacts()

interface CardFile {
  readonly kind: string
  readonly cards: readonly { readonly id: string; readonly answer?: string }[]
}

interface TrainingRecord {
  readonly corpusSha256: string
  readonly scores: Readonly<Record<string, { readonly right: number; readonly unfinished: number }>>
}

const json = (url: URL): unknown => JSON.parse(readFileSync(url, 'utf8'))
const cards = (file: string) => (json(new URL(`corpus/${file}.json`, training)) as CardFile).cards
const ids = (file: string) => cards(file).map(({ id }) => id)

/** Every text that the model may be taught to say, before its facts are filled in. */
const answers = [
  ...['states', 'errors', 'config', 'commands', 'policies', 'machines', 'terms', 'howto', 'talk'].flatMap(
    file =>
      cards(file).flatMap(({ id, answer }) =>
        answer === undefined ? [] : [{ where: `${file}: ${id}`, answer }],
      ),
  ),
  ...Object.entries(
    (json(new URL('corpus/unknown.json', training)) as { answers: Record<string, string> }).answers,
  ).map(([kind, answer]) => ({ where: `unknown: ${kind}`, answer })),
]

/** The parts of all answers that a pattern finds, with the place they stand in. */
const mentions = (pattern: RegExp) =>
  answers.flatMap(({ where, answer }) =>
    [...answer.matchAll(pattern)].map(([, name = '']) => ({ where, name })),
  )

function corpusHash(): string {
  const corpus = new URL('corpus/', training)
  const files = readdirSync(corpus)
    .filter(name => name.endsWith('.json'))
    .sort()
  const hash = createHash('sha256')
  for (const url of [new URL('facts.json', training), ...files.map(name => new URL(name, corpus))])
    hash.update(`${url.pathname.split('/').at(-1)}\n${JSON.stringify(json(url))}\n`)
  return hash.digest('hex')
}

function weightsMetadata(): Record<string, string> {
  const bytes = readFileSync(new URL('model.safetensors', builtin))
  const header = bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))).toString('utf8')
  return (JSON.parse(header) as { __metadata__: Record<string, string> }).__metadata__
}

describe('the corpus of the built-in model', () => {
  it('has the facts that the sources have now', () => {
    expect(json(new URL('facts.json', training))).toEqual(JSON.parse(JSON.stringify(facts)))
  })

  it.each([
    ['states', facts.states],
    ['errors', facts.errors],
    ['config', facts.config],
    ['commands', facts.commands],
    ['policies', facts.policies],
    ['machines', facts.machines],
  ])(
    'has exactly one card for each of the %s of the program, and none that the program lacks',
    (file, known) => {
      expect(ids(file).toSorted()).toEqual(Object.keys(known).toSorted())
    },
  )

  it('gives each card an id of its own', () => {
    for (const file of ['terms', 'howto', 'talk']) expect(new Set(ids(file)).size).toBe(ids(file).length)
  })

  it('mentions only error codes that exist', () => {
    const unknown = mentions(/`(EXO_\w+)`/g).filter(({ name }) => !Object.hasOwn(facts.errors, name))
    expect(unknown).toEqual([])
  })

  it('mentions only states that exist', () => {
    const unknown = mentions(/`([A-Z]{4,})`/g).filter(
      ({ name }) => !Object.hasOwn(facts.states, name) && name !== 'POST',
    )
    expect(unknown).toEqual([])
  })

  it('mentions only commands that exist, with options that they take', () => {
    for (const { where, name } of mentions(/`exovisor ([^`]+)`/g)) {
      const words = name.split(' ')
      const command = [words.slice(0, 2).join(' '), words[0] ?? ''].find(known =>
        Object.hasOwn(facts.commands, known),
      )
      if (words[0] === 'COMMAND' || words[0] === '--help') continue
      expect(command, `${where}: exovisor ${name}`).toBeDefined()
      for (const option of words.filter(word => word.startsWith('--') && word !== '--help'))
        expect(Object.keys(facts.commands[command ?? '']?.options ?? {}), where).toContain(option)
    }
    const options = new Set([
      '--help',
      ...Object.values(facts.commands).flatMap(command => Object.keys(command.options)),
    ])
    expect(mentions(/`(--[a-z-]+)[^`]*`/g).filter(({ name }) => !options.has(name))).toEqual([])
  })

  it('mentions only configuration keys that exist', () => {
    const keys = Object.keys(facts.config)
    const sections = new Set(keys.map(key => key.split('.')[0]))
    const isKey = (name: string) => sections.has(name.split('.')[0]) && !/\.(?:json|safetensors)$/.test(name)
    const unknown = mentions(/`([a-z]+(?:\.[a-zA-Z]+)+)`/g).filter(
      ({ name }) => isKey(name) && !keys.includes(name),
    )
    expect(unknown).toEqual([])
  })

  it('takes every stated default from the sources', () => {
    const known: Record<string, (key: string) => unknown> = {
      default: key => facts.config[key]?.default,
      environment: key => facts.config[key]?.environment,
      limit: key => (facts.limits as Record<string, string>)[key],
      exit: key => facts.exitCodes[key],
      package: key => (facts.package as Record<string, string>)[key],
    }
    for (const { where, name } of mentions(/\{(\w+ [^}]+)\}/g)) {
      const [verb = '', key = ''] = name.split(' ')
      expect(known[verb]?.(key), `${where}: {${name}}`).toBeTypeOf('string')
    }
    const bare = (answer: string) => answer.replaceAll(/\{[^}]+\}|`\w+:\/\/[^`]+`/g, '')
    expect(answers.filter(({ answer }) => /default/i.test(answer) && /\d/.test(bare(answer)))).toEqual([])
  })
})

describe('the built-in model', () => {
  const record = () => json(new URL('training.json', builtin)) as TrainingRecord

  it('was trained on this corpus and these facts', () => {
    expect(record().corpusSha256).toBe(corpusHash())
    expect(weightsMetadata()['corpusSha256']).toBe(record().corpusSha256)
  })

  it('has the tokenizer that it was trained with', () => {
    const hash = createHash('sha256')
      .update(readFileSync(new URL('tokenizer.json', builtin)))
      .digest('hex')
    expect(weightsMetadata()['tokenizerSha256']).toBe(hash)
  })

  it('takes at most four megabytes', () => {
    const sizes = readdirSync(builtin).map(name => statSync(new URL(name, builtin)).size)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(4_000_000)
  })

  it('reached the scores that it promises, and ends every answer', () => {
    const { heldout, heldoutUnknown, everyCard } = record().scores
    expect(everyCard?.right).toBeGreaterThanOrEqual(0.97)
    expect(heldout?.right).toBeGreaterThanOrEqual(0.85)
    expect(heldoutUnknown?.right).toBeGreaterThanOrEqual(0.8)
    expect(Object.values(record().scores).map(({ unfinished }) => unfinished)).toEqual(
      Object.values(record().scores).map(() => 0),
    )
  })
})
