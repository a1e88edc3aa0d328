import { Graph, layout } from '@dagrejs/dagre'
import type { ChartEdge, ChartModel, ChartState } from './chart-model.ts'

export interface Point {
  readonly x: number
  readonly y: number
}

/** A state with its place: the upper left corner. */
export interface PlacedState extends ChartState, Point {
  readonly width: number
  readonly height: number
  /** Whether other states are drawn in it. */
  readonly isOpen: boolean
}

/** An edge with its bends from source to target, and the middle of its label. */
export interface PlacedEdge extends ChartEdge {
  /** The edges that it stands for: those into several nested states of one are drawn as one. */
  readonly ids: readonly string[]
  readonly points: readonly Point[]
  readonly label: Point
}

export interface ChartLayout {
  readonly states: readonly PlacedState[]
  readonly edges: readonly PlacedEdge[]
}

const HEADER = 24
const PADDING = 10
const LINE = 14
/** How much wider than high the place for a chart is. */
const SHAPE = 1.1
const textWidth = (text: string, size: number) => text.length * size

function leafSize({ name, staying }: ChartState) {
  const widest = Math.max(textWidth(name, 8), ...staying.map(event => textWidth(event, 6.2) + 14))
  const own = staying.length === 0 ? 0 : staying.length * LINE + 6
  return { width: Math.max(76, widest + 34), height: 28 + own }
}

/** The one of `parent`'s children that a state is, or lies in; undefined for one outside. */
function childOf(parent: string, id: string): string | undefined {
  const prefix = parent === '' ? '' : `${parent}.`
  if (!id.startsWith(prefix)) return undefined
  const end = id.indexOf('.', prefix.length)
  return end < 0 ? id : id.slice(0, end)
}

type DrawnEdge = Omit<PlacedEdge, 'points' | 'label'>

/** The edges between the children of a state, or of the machine; one for each pair. */
function edgesWithin(parent: string, edges: readonly ChartEdge[]): readonly DrawnEdge[] {
  const drawn = new Map<string, DrawnEdge>()
  for (const edge of edges) {
    const source = childOf(parent, edge.source)
    const target = childOf(parent, edge.target)
    if (source === undefined || target === undefined || source === target) continue
    const id = `${source}→${target}`
    const known = drawn.get(id)
    const events = [...new Set([...(known?.events ?? []), ...edge.events])]
    drawn.set(id, { id, source, target, events, ids: [...(known?.ids ?? []), edge.id] })
  }
  return [...drawn.values()]
}

interface Level {
  readonly width: number
  readonly height: number
  readonly states: readonly PlacedState[]
  readonly edges: readonly PlacedEdge[]
}

/**
 * Lays out a statechart from the inside out: the states nested in one are laid out first, and then count as one box of that size. An edge
 * belongs to the innermost level that has both its ends, and is drawn between the boxes of that level.
 *
 * @param isOpen whether what is nested in a state is shown; else the state is one box
 */
export function chartLayout(model: ChartModel, isOpen: (state: ChartState) => boolean): ChartLayout {
  // What is nested goes down, or along, whichever gives the picture that is drawn larger.
  const tries = (['TB', 'LR'] as const).map(direction => levelOf(model, isOpen, direction))
  const extent = ({ width, height }: Level) => Math.max(width / SHAPE, height)
  const [best] = tries.sort((a, b) => extent(a) - extent(b))
  return { states: best?.states ?? [], edges: best?.edges ?? [] }
}

function levelOf(
  { states, edges }: ChartModel,
  isOpen: (state: ChartState) => boolean,
  nested: 'TB' | 'LR',
): Level {
  return layOut('')

  function layOut(parent: string): Level {
    const graph = new Graph()
    const rankdir = parent === '' ? 'TB' : nested
    graph.setGraph({ rankdir, nodesep: 22, ranksep: 16, edgesep: 12, marginx: 4, marginy: 4 })
    graph.setDefaultEdgeLabel(() => ({}))
    const children = states.filter(state => state.parent === parent)
    const inner = new Map<string, Level>()
    for (const child of children) {
      const size = leafSize(child)
      const hasInside = states.some(state => state.parent === child.id)
      if (hasInside && !isOpen(child)) size.width += 46
      if (hasInside && isOpen(child)) {
        const below = layOut(child.id)
        inner.set(child.id, below)
        const own = child.staying.length > 0 ? LINE + 4 : 0
        size.width = Math.max(size.width, below.width + 2 * PADDING)
        size.height = below.height + HEADER + PADDING + own
      }
      graph.setNode(child.id, size)
    }
    const own = edgesWithin(parent, edges)
    for (const { source, target, events } of own) {
      const width = Math.max(...events.map(event => textWidth(event, 6.2))) + 10
      graph.setEdge(source, target, { width, height: events.length * LINE, labelpos: 'c' })
    }
    layout(graph)
    return placed(graph, children, own, inner)
  }
}

function placed(
  graph: Graph,
  children: readonly ChartState[],
  own: readonly DrawnEdge[],
  inner: ReadonlyMap<string, Level>,
): Level {
  const states: PlacedState[] = []
  const edges: PlacedEdge[] = []
  for (const child of children) {
    const { x, y, width, height } = graph.node(child.id) as Point & { width: number; height: number }
    const corner = { x: x - width / 2, y: y - height / 2 }
    const below = inner.get(child.id)
    states.push({ ...child, ...corner, width, height, isOpen: below !== undefined })
    if (!below) continue
    const shift = { x: corner.x + (width - below.width) / 2, y: corner.y + HEADER }
    states.push(...below.states.map(state => ({ ...state, x: state.x + shift.x, y: state.y + shift.y })))
    edges.push(...below.edges.map(edge => moved(edge, shift)))
  }
  for (const edge of own) {
    const { points, x, y } = graph.edge({ v: edge.source, w: edge.target }) as {
      points: Point[]
      x: number
      y: number
    }
    edges.push({ ...edge, points, label: { x, y } })
  }
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number }
  return { width, height, states, edges }
}

function moved(edge: PlacedEdge, by: Point): PlacedEdge {
  const move = (point: Point) => ({ x: point.x + by.x, y: point.y + by.y })
  return { ...edge, points: edge.points.map(move), label: move(edge.label) }
}

/** A smooth line through points, as SVG draws it. */
export function smoothPath(points: readonly Point[]): string {
  const [first, ...rest] = points
  if (!first) return ''
  const last = rest.at(-1)
  let path = `M${first.x} ${first.y}`
  for (const [index, point] of rest.slice(0, -1).entries()) {
    const next = rest[index + 1] ?? point
    const isLast = index === rest.length - 2
    const end = isLast ? next : { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 }
    path += `Q${point.x} ${point.y} ${end.x} ${end.y}`
  }
  if (rest.length === 1 && last) path += `L${last.x} ${last.y}`
  return path
}
