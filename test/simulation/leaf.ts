import { lifecycle } from '../../machines/lifecycle.ts'
import { defineResource } from '../../src/resources/define.ts'
import type { InitializeContext, ResourceDefinition } from '../../src/resources/types.ts'
import type { Life, Post, Sent } from './ledger.ts'
import type { LeafPlan } from './scenario.ts'
import type { World } from './world.ts'

interface LeafClient {
  readonly life: Life
}

export type LeafDefinition = ResourceDefinition<object, LeafClient, Sent>

/** The kind of one leaf, or of many that are spawned: each life does what its plan says, and tells the world of it. */
export function leafDefinition(world: World, plan: LeafPlan): LeafDefinition {
  return defineResource<object, LeafClient, Sent>({
    kind: plan.kind ?? 'leaf',
    machine: lifecycle,
    initialize: context => initialize(world, world.post(context.self.name), context),
    ...(plan.checksHealth && {
      checkHealth: ({ life }, { signal }) => checkHealth(world, life, signal),
    }),
    ...(plan.recovers && { recover: ({ life }, { signal }) => recover(world, life, signal) }),
    cleanup: (client, { signal }) => cleanup(world, client?.life ?? lifeWithoutClient(world, plan), signal),
    receive: ({ life }, sent, { signal }) => handle(world, life, sent, signal),
  })
}

function initialize(world: World, post: Post, context: InitializeContext<object>): Promise<LeafClient> {
  const life = world.begin(post, context.self)
  if (life.plan.start === 'throws at once') {
    life.settled = true
    throw new Error(`life ${life.incarnation} throws at once`)
  }
  const work = settle(life, acquire(world, life, context.signal))
  return life.plan.start === 'settles twice' ? twice(work) : work
}

async function settle(life: Life, work: Promise<LeafClient>): Promise<LeafClient> {
  try {
    return await work
  } finally {
    life.settled = true
  }
}

/** Breaks the rules of promises. */
function twice(work: Promise<LeafClient>): Promise<LeafClient> {
  const thenable = {}
  Reflect.set(thenable, 'then', (resolve: (client: LeafClient) => void, reject: (error: unknown) => void) => {
    work.then(
      client => {
        resolve(client)
        reject(new Error('settled a second time'))
        resolve(client)
      },
      error => {
        reject(error)
        reject(error)
      },
    )
  })
  return thenable as Promise<LeafClient>
}

async function acquire(world: World, life: Life, signal: AbortSignal): Promise<LeafClient> {
  const { plan, self, incarnation } = life
  const heeded = plan.heedsAbort ? signal : undefined
  for (let hop = 0; hop < plan.hops; hop += 1) await Promise.resolve()
  if (plan.startAfter > 0) await world.timers.pause(plan.startAfter, heeded)
  if (plan.start === 'never settles') await world.timers.forever(heeded)
  if (plan.start === 'throws') throw new Error(`life ${incarnation} cannot start`)
  if (plan.start === 'fails itself') self.fail(new Error(`life ${incarnation} fails before it is ready`))
  if (plan.start === 'ignores') world.ignore(life)
  if (plan.start === 'ends itself') world.end(life, 'it ends before it is ready')
  life.hasClient = true
  for (const { after, what } of plan.turns) {
    world.timers.later(after, () => {
      if (world.isHealed) return
      if (what === 'end') world.end(life, 'its time has come')
      else if (what === 'recovered') self.recovered()
      else self[what](new Error(`life ${incarnation}: ${what}`))
    })
  }
  return { life }
}

async function checkHealth(world: World, life: Life, signal: AbortSignal): Promise<void> {
  life.checks += 1
  world.examine(life, 'check')
  try {
    const { sick } = life.plan
    const age = world.time - life.begun
    if (world.isHealed || sick === undefined || age < sick.from || age > sick.to) return
    if (sick.how === 'hangs') await world.timers.forever(signal)
    throw new Error('sick')
  } finally {
    life.checks -= 1
  }
}

async function recover(world: World, life: Life, signal: AbortSignal): Promise<void> {
  life.mending += 1
  world.examine(life, 'soft restart')
  try {
    if (world.isHealed || life.plan.recover === 'ok') return
    if (life.plan.recover === 'hangs') await world.timers.forever(signal)
    throw new Error('not mended')
  } finally {
    life.mending -= 1
  }
}

const isOfKind = ({ leaf }: Post, { id, kind }: LeafPlan): boolean =>
  leaf !== undefined && (kind === undefined ? leaf.id === id : leaf.kind === kind)

/** The life that a cleanup without a client is for: the oldest that could not start and was not released yet. */
function lifeWithoutClient({ ledger }: World, plan: LeafPlan): Life | undefined {
  const failed = [...ledger.posts.values()]
    .filter(post => isOfKind(post, plan))
    .flatMap(({ lives }) => lives)
    .filter(({ hasClient }) => !hasClient)
  const waiting = failed.filter(({ settled, cleanups }) => settled && cleanups === 0)
  // Nobody can tell which one of several children of one kind is meant: only their number counts then.
  if (new Set(waiting.map(({ post }) => post)).size > 1) for (const life of waiting) life.leftBehind = true
  return waiting[0] ?? failed.at(-1)
}

async function cleanup(world: World, life: Life | undefined, signal: AbortSignal): Promise<void> {
  if (life === undefined) return
  world.clean(life)
  const { plan } = life
  try {
    if (plan.cleanupAfter > 0)
      await world.timers.pause(plan.cleanupAfter, plan.heedsAbort ? signal : undefined)
    if (plan.cleanup === 'hangs') await world.timers.forever(plan.heedsAbort ? signal : undefined)
    if (plan.cleanup === 'throws') throw new Error('not released')
  } finally {
    life.cleaned = true
  }
}

async function handle(world: World, life: Life, sent: Sent, signal: AbortSignal): Promise<number> {
  world.handle(life, sent)
  try {
    await world.behave(life, sent, signal)
    return sent.number
  } finally {
    if (life.handling === sent.number) life.handling = undefined
  }
}
