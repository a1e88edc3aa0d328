import { ExovisorError } from '../../src/errors.ts'
import type { Spawn } from './invariants/invariant.ts'
import type { Post } from './ledger.ts'
import type { Action, LeafPlan } from './scenario.ts'
import type { World } from './world.ts'

/** A call of spawn that has not returned yet: whoever is not known appears because of it. */
interface Birth {
  readonly branch: Post
  readonly plan: LeafPlan
}

/** Spawns children of dynamic supervisors, and notes who appears. */
export class Spawning {
  readonly #world: World
  readonly #births: Birth[] = []

  constructor(world: World) {
    this.#world = world
  }

  /** The child of an event that is the first one of its id. */
  appears(id: string): Post | undefined {
    const birth = this.#births.at(-1)
    return birth && this.#add(birth, id)
  }

  spawn({ in: to, id, lives }: Extract<Action, { do: 'spawn' }>): void {
    const world = this.#world
    const branch = world.ledger.posts.get(to)
    const client = branch && world.client(branch)
    const template = branch?.branch?.template
    if (!branch || !client || !template) return
    const birth: Birth = { branch, plan: { ...template, lives } }
    const known = client.children().map(child => child.id)
    const most = branch.branch?.maxChildren ?? Number.POSITIVE_INFINITY
    const post = id === undefined ? undefined : this.#again(birth, id)
    if (id !== undefined && post === undefined) return
    const spawn: Spawn = { branch, id, known, most, name: undefined, code: undefined }
    world.note(`> spawn ${id ?? 'another'} in ${to}`)
    branch.spawning += 1
    this.#births.push(birth)
    const definition = world.blueprint.definition(template)
    const work = client.spawn(definition, {}, id === undefined ? {} : { id })
    this.#births.pop()
    for (const child of client.children()) if (!world.ledger.posts.has(child.id)) this.#add(birth, child.id)
    const now = client.children().map(child => child.id)
    world.check(invariant => invariant.spawns?.(spawn, now, world))
    const settled = (): void => {
      branch.spawning -= 1
      if (post) post.starting -= 1
      world.check(invariant => invariant.spawned?.(spawn, world))
      world.attach()
    }
    const noted = work.then(
      ref => {
        spawn.name = ref.name
      },
      (error: unknown) => {
        spawn.code = error instanceof ExovisorError ? error.code : String(error)
        throw error
      },
    )
    world.follow(`spawn in ${to}`, noted, settled)
    world.attach()
  }

  /** What is known of an id that is given. Undefined when it belongs to somebody else. */
  #again(birth: Birth, id: string): Post | undefined {
    const known = this.#world.ledger.posts.get(id)
    if (known && known.parent !== birth.branch) return undefined
    const post = known ?? this.#add(birth, id)
    post.starting += 1
    post.followTemplate()
    post.word = 'start'
    post.dueAt = undefined
    post.readySince = undefined
    post.isUncertain = true
    post.attemptsAreUnknown = true
    post.suspended = undefined
    return post
  }

  #add({ branch, plan }: Birth, id: string): Post {
    const post = this.#world.ledger.add({ ...plan, id }, branch)
    post.renew(branch.children[0]?.epoch ?? 1)
    post.order = undefined
    return post
  }
}
