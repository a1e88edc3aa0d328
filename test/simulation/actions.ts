import type { SupervisorClient } from '../../src/supervision/types.ts'
import type { Post, Sent } from './ledger.ts'
import { reloadLeaf, reshape } from './reloads.ts'
import type { Action } from './scenario.ts'
import { outcome, type World } from './world.ts'

/** Does what needs no time: everything but the passing of time. */
export function act(world: World, action: Action): void {
  world.deeds += 1
  switch (action.do) {
    case 'advance':
    case 'leap':
    case 'hop':
      throw new Error(`${action.do} takes time`)
    case 'skew':
      world.note(`> the clock reads ${action.ms} ms more`)
      world.hasSkewed = true
      world.clock.skew(action.ms)
      return
    case 'fail':
    case 'degrade':
    case 'self fail':
    case 'recovered':
    case 'end':
      reach(world, action.do, world.ledger.posts.get(action.id))
      return
    case 'tell':
    case 'ask':
      send(world, action)
      return
    case 'await':
      waitFor(world, action.id, action.timeout)
      return
    case 'stop':
    case 'restart':
    case 'remove':
    case 'start again':
      command(world, action.do, world.ledger.posts.get(action.id))
      return
    case 'suspend':
    case 'resume':
      suspend(world, action.do, world.ledger.posts.get(action.id))
      return
    case 'reload':
      reloadLeaf(world, world.ledger.posts.get(action.id), action.policy)
      return
    case 'reshape':
      reshape(world, world.ledger.posts.get(action.id), action.to)
      return
    case 'spawn':
      world.spawning.spawn(action)
      return
    case 'strike':
      strike(world, action.how)
      return
    case 'add':
      add(world, action)
      return
    case 'close':
      close(world)
      return
    case 'ambush':
      world.ambushes.push(action)
  }
}

type Reach = 'fail' | 'degrade' | 'self fail' | 'recovered' | 'end'

function reach(world: World, what: Reach, post: Post | undefined): void {
  if (post === undefined) return
  const error = new Error(`${what} from outside`)
  const self = post.life?.self
  world.note(`> ${what} ${post.id}`)
  if (what === 'fail' || what === 'degrade') world.ref(post)?.[what](error)
  else if (what === 'self fail') self?.fail(error)
  else if (what === 'recovered') self?.recovered()
  else if (post.life) world.end(post.life, 'ended from outside')
}

function command(
  world: World,
  what: 'stop' | 'restart' | 'remove' | 'start again',
  post: Post | undefined,
): void {
  const client = post?.parent && world.client(post.parent)
  if (post === undefined || client === undefined) return
  world.note(`> ${what} ${post.id}`)
  if (post.parent?.isDynamic && (what === 'restart' || what === 'start again')) {
    const work = what === 'restart' ? client.restart(post.id) : client.start(world.blueprint.spec(post.plan))
    refused(world, `${what} ${post.id}`, work)
    return
  }
  const { epoch } = post
  post.dueAt = undefined
  post.readySince = undefined
  post.attemptsAreUnknown = true
  const known = new Set(client.children().map(({ id }) => id))
  const isKnown = known.has(post.id)
  const stops = what === 'stop' || what === 'remove'
  if (stops && isKnown) {
    const requirers = post.requirersAmong(known)
    const isRefused = what === 'remove' && requirers.length > 0
    if (!isRefused) {
      // Those that need it are told to stop with it.
      for (const told of [...requirers, post]) {
        told.word = told.starting > 0 ? undefined : 'stop'
        told.wasStopped = true
      }
    }
  } else if (!stops) {
    post.word = 'start'
    if (what === 'start again') {
      post.starting += 1
      post.isUncertain = true
      post.mayBeginAnew = true
      post.suspended = undefined
      post.order = undefined
    }
  }
  if (what === 'remove') post.isUncertain = true
  post.commands += 1
  const work = what === 'start again' ? client.start(world.blueprint.spec(post.plan)) : client[what](post.id)
  world.follow(`${what} ${post.id}`, work, () => {
    post.commands -= 1
    if (what === 'start again') post.starting -= 1
    if (what === 'start again' && post.epoch === epoch) world.attach()
  })
}

/** What nobody may do to the children of a dynamic supervisor. */
function refused(world: World, what: string, work: Promise<unknown>): void {
  const wasDone = (): void => world.fault(`${what}, under dynamic`, 'it was not refused')
  world.follow(what, work.then(wasDone))
}

/** At the worst moment: while a supervisor tells of something. */
function strike(world: World, how: 'stop' | 'restart' | 'remove'): void {
  const branch = world.heard?.parent
  if (branch === undefined) return
  if (branch.parent === undefined) close(world)
  else command(world, how, branch)
}

function suspend(world: World, what: 'suspend' | 'resume', post: Post | undefined): void {
  const client = post?.parent && world.client(post.parent)
  if (!post || !client?.children().some(({ id }) => id === post.id)) return
  world.note(`> ${what} ${post.id}`)
  // It works on until the call has ended, and from the call on.
  post.suspended = undefined
  client[what](post.id)
}

function add(world: World, { to, leaf }: Extract<Action, { do: 'add' }>): void {
  const branch = world.ledger.posts.get(to)
  const client: SupervisorClient | undefined = branch && world.client(branch)
  if (branch === undefined || client === undefined || world.ledger.posts.has(leaf.id)) return
  if (branch.isDynamic) return
  world.note(`> add ${leaf.id} to ${to}`)
  const post = world.ledger.add(leaf, branch)
  post.renew(branch.children[0]?.epoch ?? 1)
  post.order = undefined
  post.word = 'start'
  post.wasStopped = true
  post.commands += 1
  world.follow(`add ${leaf.id}`, client.start(world.blueprint.spec(post.plan)), () => {
    post.commands -= 1
    world.attach()
  })
}

function close(world: World): void {
  if (world.root === undefined) return
  world.note('> close')
  world.follow('close', world.root.close())
}

function waitFor(world: World, id: string, timeout: number): void {
  const post = world.ledger.posts.get(id)
  const ref = post && world.ref(post)
  if (!ref) return
  world.note(`> await ${id}`)
  world.follow(`waiting for ${id}`, ref.ready({ timeout, signal: world.timers.signal() }))
}

function send(world: World, action: Extract<Action, { do: 'tell' | 'ask' }>): void {
  const { ledger } = world
  const post = ledger.posts.get(action.id)
  const leaf = post?.leaf
  const client = post?.parent && world.client(post.parent)
  if (!post || !leaf || !client?.children().some(({ id }) => id === action.id)) return
  const ref = client.ref(world.blueprint.definition(leaf), action.id)
  const isAsk = action.do === 'ask'
  const sent: Sent = {
    number: ledger.sent.length + 1,
    post,
    how: action.how,
    isAsk,
    sentAt: world.time,
    deadline: isAsk ? world.time + action.timeout : Number.POSITIVE_INFINITY,
    deliveries: 0,
    settled: 0,
  }
  ledger.sent.push(sent)
  world.note(`> ${action.do} ${action.id} ${sent.number}: ${action.how}`)
  if (action.do === 'tell') {
    if (!ref.tell(sent)) world.note(`= tell ${sent.number}: refused`)
    return
  }
  ledger.openAsks.push(sent)
  const signal = world.timers.signal(action.abortAfter)
  const settled = (how: string): void => {
    sent.settled += 1
    ledger.openAsks = ledger.openAsks.filter(ask => ask !== sent)
    world.note(`= ask ${sent.number}: ${how}`)
  }
  ref.ask(sent, { timeout: action.timeout, signal }).then(
    answer => settled(answer === sent.number ? 'answered' : `got the answer of ${String(answer)}`),
    error => settled(outcome(error)),
  )
}
