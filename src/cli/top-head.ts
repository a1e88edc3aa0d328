import type { LifecycleState } from '../../machines/lifecycle.ts'
import type { ActorRow, ClusterView, FiguresSample, Hello } from '../observe/view/messages.ts'
import type { TopModel } from './top-model.ts'
import { ageText, bytesText, type Line, printable, type Segment, type Style } from './top-text.ts'

/** The look of a state; its name stands beside it always, for those who see no colours. */
export const stateStyles: Readonly<Record<LifecycleState, Style>> = {
  UNINITIALIZED: 'dim',
  INITIALIZING: 'cyan',
  READY: 'green',
  DEGRADED: 'yellow',
  ERROR: 'red',
  CLOSING: 'dim',
  CLOSED: 'dim',
}

const piece = (text: string, style: Style = 'plain'): Segment => ({ text, style })

/** Pieces side by side. */
const spaced = (parts: readonly (readonly Segment[])[], between = '   '): Line =>
  parts.flatMap((part, index) => (index === 0 ? part : [piece(between), ...part]))

const labelled = (label: string, text: string): readonly Segment[] => [
  piece(`${label} `, 'dim'),
  piece(printable(text)),
]

function nodeLine({ node, model, startedAt }: Hello, now: number): Line {
  return spaced([
    [piece('Exovisor ', 'bold'), piece(printable(node.version))],
    labelled('node', node.name),
    ...(model ? [labelled('model', model.name)] : []),
    labelled('up', ageText(now - startedAt)),
    labelled('pid', String(node.pid)),
  ])
}

function figuresLine(figures: FiguresSample): Line {
  const { tokensPerSecond, timeToFirstToken, running, waiting, restarts, eventLoopDelay, memory, processes } =
    figures
  const others = Object.values(processes)
  const engines = others.reduce((sum, bytes) => sum + bytes, 0)
  return spaced([
    [piece(tokensPerSecond.toFixed(1), 'bold'), piece(' tokens/s')],
    ...(timeToFirstToken === undefined
      ? []
      : [labelled('first token', `${Math.round(timeToFirstToken)} ms`)]),
    [piece(`${running} running, ${waiting} waiting`)],
    [piece(`${restarts} restart${restarts === 1 ? '' : 's'}`)],
    labelled('event loop', `${eventLoopDelay.toFixed(1)} ms`),
    labelled(
      'memory',
      `${bytesText(memory)}${others.length > 0 ? ` + ${bytesText(engines)} in ${others.length}` : ''}`,
    ),
  ])
}

function nodesLine({ nodes }: ClusterView): Line {
  const each = nodes.map(({ name, state, latency, self }) => [
    piece(`${printable(name)} `),
    piece(self ? 'here' : state, self ? 'dim' : stateStyles[state]),
    ...(latency === undefined ? [] : [piece(` ${latency.toFixed(1)} ms`)]),
  ])
  return [piece('nodes   ', 'dim'), ...spaced(each)]
}

function layersLine({ nodes, placement }: ClusterView): Line {
  if (!placement) return [piece('layers  ', 'dim'), piece('not placed', 'dim')]
  const names = new Map(nodes.map(({ id, name }) => [id, name]))
  const stages = placement.stages.map(({ node, layers: [first, end], predicted, measured }) => [
    piece(`${printable(names.get(node) ?? node)} ${first}-${end - 1}`),
    ...(measured === undefined ? [] : [piece(` ${measured.toFixed(1)} ms`)]),
    ...(predicted === undefined ? [] : [piece(` (planned ${predicted.toFixed(1)})`, 'dim')]),
  ])
  return [piece('layers  ', 'dim'), ...spaced(stages, ' > '), piece(`   epoch ${placement.epoch}`, 'dim')]
}

/** How many resources are in each state, e.g. `12 actors   10 READY   1 DEGRADED`. */
function countsLine(rows: ReadonlyMap<string, ActorRow>): Line {
  const counts = new Map<LifecycleState, number>()
  for (const { state } of rows.values()) counts.set(state, (counts.get(state) ?? 0) + 1)
  const states = Object.entries(stateStyles) as [LifecycleState, Style][]
  return spaced([
    [piece(`${rows.size} actor${rows.size === 1 ? '' : 's'}`, 'bold')],
    ...states.flatMap(([state, style]) => {
      const count = counts.get(state)
      return count === undefined ? [] : [[piece(`${count} `), piece(state, style)]]
    }),
  ])
}

/** What stands above the tree: the node, its figures, the cluster, and how many resources there are. */
export function headLines(
  { hello, figures, cluster, rows, isComplete }: TopModel,
  now: number,
): readonly Line[] {
  return [
    hello ? nodeLine(hello, now) : [piece('waiting for the node', 'dim')],
    ...(figures ? [figuresLine(figures)] : []),
    ...(cluster ? [nodesLine(cluster), layersLine(cluster)] : []),
    ...(isComplete ? [countsLine(rows)] : []),
  ]
}
