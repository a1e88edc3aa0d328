import { type FSWatcher, watch } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import type { Clock } from '../concurrency/clock.ts'
import type { CancelScope } from '../concurrency/scope.ts'
import { withCancelScope } from '../concurrency/with-scope.ts'
import type { ResourceSelf } from '../resources/types.ts'

/** How a file is watched. Times in milliseconds. */
export interface FileWatchOptions {
  readonly path: string
  readonly clock: Clock
  /** Runs what goes on for as long as the file is watched. */
  readonly spawn: ResourceSelf['spawn']
  /** The file may have changed, come or gone. Not called again before the last call has settled. */
  onChange(): Promise<void>
  /** Quiet time after which a change counts as finished. Default 50. */
  readonly settle?: number
  /** Time between two looks at the file itself, for file systems that report nothing. Default 1000. */
  readonly poll?: number
}

/** Watches one file. Its directory is watched, because editors replace files, and a watch of a file follows the old one. */
export class FileWatch {
  readonly #options: FileWatchOptions
  readonly #path: string
  #watcher: FSWatcher | undefined
  #mark = ''
  #hasNews = false
  /** The pause before the next look at the file. */
  #pause: CancelScope | undefined

  constructor(options: FileWatchOptions) {
    this.#options = options
    this.#path = resolve(options.path)
  }

  /** Begins to watch; what the file is now counts as known. */
  async start(): Promise<void> {
    this.#mark = await fingerprint(this.#path)
    this.#openWatcher()
    this.#options.spawn('watch', scope => this.#watch(scope))
  }

  close(): void {
    this.#watcher?.close()
  }

  async #watch(scope: CancelScope): Promise<never> {
    const { poll = 1_000, onChange } = this.#options
    for (;;) {
      await this.#rest(scope, poll)
      const mark = await fingerprint(this.#path)
      scope.checkpoint()
      if (mark === this.#mark && !this.#hasNews) continue
      // Taken before reading: what is written in the meantime is seen by the next look.
      this.#mark = mark
      this.#hasNews = false
      await onChange()
    }
  }

  /** Waits for the next look at the file, which news of the file system brings forward. */
  async #rest(scope: CancelScope, poll: number): Promise<void> {
    const { clock, settle = 50 } = this.#options
    const rest = (pause: CancelScope): Promise<never> => {
      this.#pause = pause
      return pause.forever()
    }
    await withCancelScope(rest, { scope, deadline: clock.now() + (this.#hasNews ? settle : poll) })
  }

  #openWatcher(): void {
    try {
      const watcher = watch(dirname(this.#path), { persistent: false }, (_event, name) => {
        if (name === null || name === basename(this.#path)) this.#changed()
      })
      // Polling goes on; it also finds a directory that was removed and made again.
      watcher.on('error', () => watcher.close())
      this.#watcher = watcher
    } catch {
      this.#watcher = undefined
    }
  }

  #changed(): void {
    const { clock, settle = 50 } = this.#options
    this.#hasNews = true
    if (this.#pause) this.#pause.deadline = clock.now() + settle
  }
}

async function fingerprint(path: string): Promise<string> {
  try {
    const { mtimeMs, size, ino } = await stat(path)
    return `${mtimeMs} ${size} ${ino}`
  } catch (error) {
    return String(error)
  }
}
