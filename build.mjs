// Compiles the sources into dist/, bundles the console page, and puts the built-in model beside them. Does nothing when dist/ is newer than all
// that it is made of: `npx exovisor` in a checkout runs this each time it is new to npm, also side by side.
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const stamp = join('dist', '.built')
const folders = ['src', 'machines']
const files = ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'build.mjs']

const modified = path => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
const inputs = [
  ...files,
  ...folders.flatMap(folder =>
    readdirSync(folder, { recursive: true }).map(name => join(folder, String(name))),
  ),
]

if (modified(stamp) <= Math.max(...inputs.map(modified))) {
  const { status } = spawnSync('tsc', ['-p', 'tsconfig.build.json'], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  if (status !== 0) process.exit(status ?? 1)
  const { build } = await import('vite')
  await build({ configFile: join('src', 'console', 'page', 'vite.config.ts') })
  cpSync(join('src', 'models', 'builtin'), join('dist', 'src', 'models', 'builtin'), { recursive: true })
  cpSync(join('src', 'cli', 'resources', 'schemas'), join('dist', 'src', 'cli', 'resources', 'schemas'), {
    recursive: true,
  })
  chmodSync(join('dist', 'src', 'cli', 'main.js'), 0o755)
  writeFileSync(stamp, '')
}
