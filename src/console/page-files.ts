import { readdirSync, readFileSync, statSync } from 'node:fs'
import { extname, join, resolve, sep } from 'node:path'

/** One file of the page. */
export interface PageFile {
  readonly type: string
  readonly content: Buffer
  /** True for a file whose name changes with its content. */
  readonly isLasting: boolean
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
}

/** The folder of the built page: beside the compiled server, also for a server that runs from its sources. */
export const builtPage: string =
  extname(import.meta.filename) === '.ts'
    ? resolve(import.meta.dirname, '../../dist/src/console/page')
    : join(import.meta.dirname, 'page')

/** The files of a folder by their paths in the address, `/` for the page itself. Nothing beside these is ever served. */
export class PageFiles {
  readonly #folder: string
  readonly #known = new Map<string, PageFile>()

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Undefined for a path that names no file of the page, and when the page is not built. */
  get(path: string): PageFile | undefined {
    const name = path === '/' ? 'index.html' : path.slice(1)
    const known = this.#known.get(name)
    if (known) return known
    if (!this.#names().includes(name)) return undefined
    const file = {
      type: types[extname(name)] ?? 'application/octet-stream',
      content: readFileSync(join(this.#folder, name)),
      isLasting: name.startsWith('assets/'),
    }
    // What is built anew gets another name, but for the page itself.
    if (file.isLasting) this.#known.set(name, file)
    return file
  }

  /** Listed, so that no path of a request ever comes near the file system. */
  #names(): readonly string[] {
    try {
      return readdirSync(this.#folder, { recursive: true, encoding: 'utf8' })
        .filter(name => statSync(join(this.#folder, name)).isFile())
        .map(name => name.replaceAll(sep, '/'))
    } catch {
      return []
    }
  }
}

/** What the page may do: run its own scripts and talk to its own node, and nothing else. */
export const pageHeaders = (host: string): Readonly<Record<string, string>> => ({
  'content-security-policy': [
    "default-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    // Older browsers do not count a websocket of the same address as their own.
    `connect-src 'self' ws://${host}`,
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
})
