import { readdirSync, readFileSync } from 'node:fs'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** The tests that take seconds: they have the last word on a mutant, not the first. */
const SLOW =
  /model|concurrency.tree|simulation.test|faults|records|messages|check-specs|dependencies|hierarchy-stress|window|\bask|transition-table|admin/

const words = (path: string): readonly string[] => path.replace(/\.(test\.)?ts$/, '').split(/[^a-z]+/)

/** The words in the path of the file that each mutant is in, by the ids that Stryker has written into its copy of the sources. */
function mutatedFiles(): ReadonlyMap<string, readonly string[]> {
  const sources = ['src/concurrency', 'src/actors', 'src/supervision'].flatMap(room =>
    readdirSync(room, { recursive: true, encoding: 'utf8' }).map(name => `${room}/${name}`),
  )
  const found = sources
    .filter(path => path.endsWith('.ts'))
    .flatMap(path =>
      [...readFileSync(path, 'utf8').matchAll(/stryMutAct_\w+\("(\d+)"\)/g)].map(
        ([, id = '']) => [id, words(path)] as const,
      ),
    )
  return new Map(found)
}

/** Puts the test files whose names are nearest to the mutated file first: most mutants need no other. */
export class NearestFirst extends BaseSequencer {
  #files: ReadonlyMap<string, readonly string[]> | undefined

  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    this.#files ??= mutatedFiles()
    const provided: Readonly<Record<string, unknown>> = { ...files[0]?.project.getProvidedContext() }
    const near = this.#files.get(String(provided['activeMutant'])) ?? []
    const rank = ({ moduleId }: TestSpecification): number => {
      const own = words(moduleId.slice(moduleId.lastIndexOf('/test/')))
      const distance = near.filter(word => !own.includes(word)).length
      return distance * 3 + (SLOW.test(moduleId) ? 2 : 0) + (own.includes('conformance') ? 1 : 0)
    }
    return files
      .map(file => ({ file, rank: rank(file) }))
      .sort((a, b) => a.rank - b.rank)
      .map(({ file }) => file)
  }
}
