import { ExovisorError } from '../errors.ts'

/**
 * Notices when two use something at one time that only one may use: a stream that is read, a connection without a multiplex. Nobody
 * waits, as for a lock: the second one has made a mistake and hears of it.
 *
 * @example
 * async read() {
 *   using _ = this.#reading.enter()
 *   return await this.#readLine()
 * }
 */
export class ResourceGuard {
  readonly #what: string
  #isInUse = false

  /** @param what names the thing in messages. Default: `the resource` */
  constructor(what = 'the resource') {
    this.#what = what
  }

  get isInUse(): boolean {
    return this.#isInUse
  }

  /**
   * Begins to use it, until what this gives is disposed of.
   *
   * @throws EXO_LOCK_MISUSE when it is in use
   */
  enter(): Disposable {
    if (this.#isInUse) throw new ExovisorError('EXO_LOCK_MISUSE', `${this.#what} is in use by somebody else`)
    this.#isInUse = true
    let isOver = false
    return {
      [Symbol.dispose]: () => {
        if (isOver) return
        isOver = true
        this.#isInUse = false
      },
    }
  }
}
