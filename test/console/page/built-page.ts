import { readdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build } from 'vite'

const root = resolve(import.meta.dirname, '../../..')
const source = join(root, 'src/console/page')

/** Where a node finds the page. */
export const pageFolder = join(root, 'dist/src/console/page')

const modified = (path: string) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0

/** Builds the page when it is older than its sources, so that the tests see what stands in them. */
export async function buildPage(): Promise<void> {
  const newest = Math.max(
    ...readdirSync(source, { recursive: true, encoding: 'utf8' }).map(name => modified(join(source, name))),
  )
  if (modified(join(pageFolder, 'index.html')) > newest) return
  await build({ configFile: join(source, 'vite.config.ts') })
}
