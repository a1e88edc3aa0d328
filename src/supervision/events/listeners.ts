/** Those who listen to something. Telling is frequent and coming and going is rare, so the list is made anew then, and never in between. */
export class Listeners<Told> {
  #all: readonly ((told: Told) => void)[] = []

  /** Those who listen now. Who comes or goes while they are told changes nothing about it. */
  get all(): readonly ((told: Told) => void)[] {
    return this.#all
  }

  get size(): number {
    return this.#all.length
  }

  /** The same function may be added twice. The result takes this one back. */
  add(listener: (told: Told) => void): () => void {
    const own = (told: Told): void => listener(told)
    this.#all = [...this.#all, own]
    return () => {
      this.#all = this.#all.filter(each => each !== own)
    }
  }
}
