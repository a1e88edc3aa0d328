/** A statechart as it is drawn: made from `machine.config`, which is plain data. */
export interface ChartModel {
  readonly states: readonly ChartState[]
  readonly edges: readonly ChartEdge[]
}

export interface ChartState {
  /** The names from the outermost state to this one, with dots between. */
  readonly id: string
  readonly name: string
  /** The id of the state that it is nested in; empty for one of the machine itself. */
  readonly parent: string
  readonly description: string
  readonly isFinal: boolean
  readonly isInitial: boolean
  /** Events that it takes and stays. */
  readonly staying: readonly string[]
}

/** All transitions from one state to another. */
export interface ChartEdge {
  readonly id: string
  readonly source: string
  readonly target: string
  readonly events: readonly string[]
}

type Config = Readonly<Record<string, unknown>>

const record = (value: unknown): Config =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Config) : {}
const text = (value: unknown): string => (typeof value === 'string' ? value : '')
const asList = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? value : value === undefined || value === null ? [] : [value]

interface RawTransition {
  readonly event: string
  readonly targets: readonly string[]
}

/** The transitions of one state, those without an event included. */
function transitionsOf(config: Config): RawTransition[] {
  const named: (readonly [string, unknown])[] = [
    ...Object.entries(record(config['on'])),
    ...Object.entries(record(config['after'])).map(([delay, to]) => [`after ${delay}`, to] as const),
    ['always', config['always']],
    ['done', config['onDone']],
    ...asList(config['invoke']).flatMap(invoked => [
      [`done: ${text(record(invoked)['src'])}`, record(invoked)['onDone']] as const,
      [`error: ${text(record(invoked)['src'])}`, record(invoked)['onError']] as const,
    ]),
  ]
  return named.flatMap(([event, given]) =>
    asList(given).map(one => ({
      event,
      targets: typeof one === 'string' ? [one] : asList(record(one)['target']).map(text),
    })),
  )
}

/** The id of the state that a target names, seen from the state that has the transition. */
function resolve(
  target: string,
  from: string,
  machine: string,
  ids: ReadonlySet<string>,
): string | undefined {
  const parent = from.slice(0, Math.max(0, from.lastIndexOf('.')))
  const id = target.startsWith('.')
    ? `${from}${target}`
    : target.startsWith(`#${machine}.`)
      ? target.slice(machine.length + 2)
      : parent === ''
        ? target
        : `${parent}.${target}`
  return ids.has(id) ? id : undefined
}

/** Reads the configuration of a machine. What it does not understand it leaves out. */
export function chartModel(machine: unknown): ChartModel {
  const root = record(machine)
  const found: { readonly state: Omit<ChartState, 'staying'>; readonly transitions: RawTransition[] }[] = []
  const walk = (config: Config, parent: string): void => {
    for (const [name, child] of Object.entries(record(config['states']))) {
      const inner = record(child)
      const id = parent === '' ? name : `${parent}.${name}`
      const state = {
        id,
        name,
        parent,
        description: text(inner['description']),
        isFinal: inner['type'] === 'final',
        isInitial: config['initial'] === name,
      }
      found.push({ state, transitions: transitionsOf(inner) })
      walk(inner, id)
    }
  }
  walk(root, '')
  const ids = new Set(found.map(({ state }) => state.id))
  const edges = new Map<string, ChartEdge & { readonly events: string[] }>()
  const states = found.map(({ state, transitions }) => {
    const staying = new Set<string>()
    for (const { event, targets } of transitions) {
      const targetIds = targets.flatMap(target => resolve(target, state.id, text(root['id']), ids) ?? [])
      if (targetIds.length === 0 || targetIds.includes(state.id)) staying.add(event)
      for (const target of targetIds) {
        if (target === state.id) continue
        const id = `${state.id}→${target}`
        const edge = edges.get(id) ?? { id, source: state.id, target, events: [] }
        if (!edge.events.includes(event)) edge.events.push(event)
        edges.set(id, edge)
      }
    }
    return { ...state, staying: [...staying] }
  })
  return { states, edges: [...edges.values()] }
}

/** The ids of all states that a state value says are active, nested ones included. */
export function activeStates(value: unknown): ReadonlySet<string> {
  const active = new Set<string>()
  const walk = (inner: unknown, parent: string): void => {
    const entries = typeof inner === 'string' ? [[inner, undefined] as const] : Object.entries(record(inner))
    for (const [name, below] of entries) {
      const id = parent === '' ? name : `${parent}.${name}`
      active.add(id)
      walk(below, id)
    }
  }
  walk(value, '')
  return active
}

/** The id of the edge that a transition took: the one with its event that leads from what was active to what is. */
export function takenEdge(
  { edges }: ChartModel,
  transition: { readonly event: string; readonly from: unknown; readonly to: unknown } | undefined,
): string | undefined {
  if (!transition) return undefined
  const from = activeStates(transition.from)
  const to = activeStates(transition.to)
  const possible = edges.filter(edge => from.has(edge.source) && to.has(edge.target))
  const named = possible.find(edge => edge.events.includes(transition.event))
  // A machine that threw, or was stopped from outside, took no event of its own.
  return (named ?? (transition.event.startsWith('xstate.') ? possible[0] : undefined))?.id
}
