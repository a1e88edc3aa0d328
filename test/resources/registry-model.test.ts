import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type LifecycleState, lifecycleStates } from '../../machines/lifecycle.ts'
import { silentLog } from '../../src/resources/log.ts'
import { Registry } from '../../src/resources/registry.ts'
import { isRoutable, pathOf } from '../../src/resources/registry-path.ts'
import type { RegistryEntry, RegistrySource } from '../../src/resources/registry-types.ts'
import type { ResourceRef } from '../../src/resources/types.ts'

class Thing implements RegistrySource {
  readonly parent: string
  readonly id: string
  readonly kind: string
  state: LifecycleState = 'UNINITIALIZED'
  suspended = false
  readonly ref: ResourceRef<unknown, unknown>

  constructor(parent: string, id: string, kind: string) {
    this.parent = parent
    this.id = id
    this.kind = kind
    this.ref = { name: this.path } as unknown as ResourceRef<unknown, unknown>
  }

  get path(): string {
    return pathOf(this.parent, this.id)
  }

  entry(): RegistryEntry {
    const { parent, id, kind, state, suspended, path } = this
    const rest = { displayName: id, incarnation: 0, dependencies: [], since: 0, restarts: 0 }
    return { path, parent, kind, name: id, state, suspended, routable: isRoutable(this), ...rest }
  }
}

/** The plain list: all that are there, in the order of their registration, and who may be given work, in the order of becoming READY. */
class Model {
  things: Thing[] = []
  ready: Thing[] = []
  /** What each living subscriber should have heard. */
  readonly heard = new Map<number, string[]>()

  settle(thing: Thing): void {
    const isThere = this.things.includes(thing)
    if (!isThere || !isRoutable(thing)) this.ready = this.ready.filter(each => each !== thing)
    else if (!this.ready.includes(thing)) this.ready.push(thing)
  }

  tell(type: string, { path, kind }: Thing): void {
    for (const log of this.heard.values()) log.push(`${type} ${path} ${kind}`)
  }
}

class World {
  readonly registry = new Registry(silentLog)
  /** Also those that were removed: their late words must do nothing. */
  readonly ever: Thing[] = []
  readonly ends: { readonly end: () => void; readonly number: number }[] = []
  readonly heard = new Map<number, string[]>()
}

type Step = fc.Command<Model, World>

const pick = <T>(from: readonly T[], at: number): T | undefined => from[at % Math.max(1, from.length)]

const register = (parent: string, id: string, kind: string): Step => ({
  check: () => true,
  run(model, world) {
    const thing = new Thing(parent, id, kind)
    const twin = model.things.find(each => each.path === thing.path)
    if (twin) {
      model.things = model.things.filter(each => each !== twin)
      model.settle(twin)
      model.tell('removed', twin)
    }
    model.things.push(thing)
    model.tell('added', thing)
    world.ever.push(thing)
    world.registry.register(thing)
    compare(model, world)
  },
  toString: () => `register ${parent}/${id} ${kind}`,
})

const unregister = (at: number): Step => ({
  check: () => true,
  run(model, world) {
    const thing = pick(world.ever, at)
    if (!thing) return
    if (model.things.includes(thing)) {
      model.things = model.things.filter(each => each !== thing)
      model.settle(thing)
      model.tell('removed', thing)
    }
    world.registry.unregister(thing)
    compare(model, world)
  },
  toString: () => `unregister ${at}`,
})

const change = (at: number, state: LifecycleState, suspended: boolean): Step => ({
  check: () => true,
  run(model, world) {
    const thing = pick(world.ever, at)
    if (!thing) return
    thing.state = state
    thing.suspended = suspended
    model.settle(thing)
    if (model.things.includes(thing)) model.tell('changed', thing)
    world.registry.changed(thing)
    compare(model, world)
  },
  toString: () => `change ${at} ${state}${suspended ? ' suspended' : ''}`,
})

const listen = (): Step => ({
  check: () => true,
  run(model, world) {
    const number = world.heard.size
    const heard: string[] = []
    model.heard.set(number, [])
    world.heard.set(number, heard)
    const end = world.registry.subscribe(
      ({ type, entry }) => void heard.push(`${type} ${entry.path} ${entry.kind}`),
    )
    world.ends.push({ end, number })
  },
  toString: () => 'listen',
})

const leave = (at: number): Step => ({
  check: () => true,
  run(model, world) {
    const one = pick(world.ends, at)
    if (!one) return
    one.end()
    world.ends.splice(world.ends.indexOf(one), 1)
    const told = model.heard.get(one.number)
    model.heard.delete(one.number)
    expect(world.heard.get(one.number)).toEqual(told)
    world.heard.set(one.number, [])
  },
  toString: () => `leave ${at}`,
})

function compare({ things, ready, heard }: Model, { registry, heard: really }: World): void {
  const listed = registry.list({}, 1_000).map(({ path }) => path)
  expect(new Set(listed)).toEqual(new Set(things.map(({ path }) => path)))
  expect(listed).toHaveLength(things.length)
  expect(registry.size).toBe(things.length)
  for (const parent of ['', 'a', 'b']) {
    const own = things.filter(thing => thing.parent === parent)
    expect(registry.list({ parent }).map(({ path }) => path)).toEqual(own.map(({ path }) => path))
  }
  for (const kind of ['k', 'l']) {
    const fit = ready.filter(thing => thing.kind === kind).map(({ ref }) => ref)
    expect(registry.routable(kind)).toEqual(fit)
  }
  for (const thing of things) expect(registry.get(thing.path)).toEqual(thing.entry())
  for (const [number, told] of heard) expect(really.get(number)).toEqual(told)
  for (const [number, told] of really) if (!heard.has(number)) expect(told).toEqual([])
}

const steps = [
  fc
    .tuple(fc.constantFrom('', 'a', 'b'), fc.constantFrom('a', 'b', 'b/c', '%'), fc.constantFrom('k', 'l'))
    .map(([parent, id, kind]) => register(parent, id, kind)),
  fc.nat(20).map(unregister),
  fc
    .tuple(fc.nat(20), fc.constantFrom('READY' as const, ...lifecycleStates), fc.boolean())
    .map(([at, state, suspended]) => change(at, state, suspended)),
  fc.constant(null).map(listen),
  fc.nat(5).map(leave),
]

describe('a registry, whatever comes in whatever order,', () => {
  it('tells the same as a plain list: who is there, who may be given work, and what subscribers hear', () => {
    fc.assert(
      fc.property(fc.commands(steps, { maxCommands: 80, size: 'max' }), commands => {
        fc.modelRun(() => ({ model: new Model(), real: new World() }), commands)
      }),
      { numRuns: 200 },
    )
  })
})
