import { type Edge, MarkerType, type Node, ReactFlow, useReactFlow } from '@xyflow/react'
import { useEffect, useMemo, useRef, useState } from 'react'
import { stateText } from '../actors/actor-facts.tsx'
import { type ChartLayout, chartLayout, type PlacedEdge } from './chart-layout.ts'
import { activeStates, type ChartModel, chartModel, takenEdge } from './chart-model.ts'
import { edgeTypes, nodeTypes } from './chart-parts.tsx'

interface StatechartProps {
  /** `machine.config` as data. */
  readonly config: unknown
  /** The state value. */
  readonly value: unknown
  readonly transition: { readonly event: string; readonly from: unknown; readonly to: unknown } | undefined
  readonly label: string
}

/** The statechart of a machine, the active states and the last transition lit. */
export function Statechart({ config, value, transition, label }: StatechartProps) {
  const model = useMemo(() => chartModel(config), [config])
  const active = useMemo(() => activeStates(value), [value])
  const [isWhole, setWhole] = useState(false)
  const open = model.states.filter(state => isWhole || active.has(state.id)).map(state => state.id)
  // By their names: the layout stays as it is while a machine moves within what is open.
  const openNames = open.join('\n')
  const layout = useMemo(() => {
    const names = new Set(openNames.split('\n'))
    return chartLayout(model, state => names.has(state.id))
  }, [model, openNames])
  const taken = takenEdge(model, transition)
  const { nodes, edges } = useMemo(() => drawn(model, layout, active, taken), [model, layout, active, taken])
  const box = useRef<HTMLDivElement>(null)
  return (
    <div ref={box} className="statechart">
      <p className="unseen">
        {label} is in {stateText(value)}
        {transition ? `; its last transition was ${transition.event}` : ''}.
      </p>
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={nodeTypes}
        edgeTypes={edgeTypes}
        fitView
        fitViewOptions={{ padding: 0.04, maxZoom: 1 }}
        minZoom={0.2}
        maxZoom={2}
        nodesDraggable={false}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        preventScrolling={false}
        zoomOnScroll={false}
        zoomOnDoubleClick={false}
        proOptions={{ hideAttribution: true }}
        aria-label={`Statechart of ${label}`}
      >
        <FitWhenChanged box={box} layout={layout} />
        <ChartButtons
          isWhole={isWhole}
          onWhole={model.states.some(state => state.parent !== '') ? setWhole : undefined}
        />
      </ReactFlow>
    </div>
  )
}

function drawn(
  model: ChartModel,
  layout: ChartLayout,
  active: ReadonlySet<string>,
  taken: string | undefined,
) {
  const nodes: Node[] = layout.states.map(state => ({
    id: state.id,
    type: 'state',
    position: { x: state.x, y: state.y },
    width: state.width,
    height: state.height,
    zIndex: state.parent === '' ? 0 : 1,
    data: {
      state,
      isActive: active.has(state.id),
      inside: model.states.filter(({ parent }) => parent === state.id).length,
    },
  }))
  const isTaken = (edge: PlacedEdge) => taken !== undefined && edge.ids.includes(taken)
  const edges: Edge[] = layout.edges.map(edge => ({
    id: edge.id,
    type: 'transition',
    source: edge.source,
    target: edge.target,
    zIndex: isTaken(edge) ? 3 : 2,
    data: { edge, isTaken: isTaken(edge) },
    markerEnd: {
      type: MarkerType.ArrowClosed,
      width: isTaken(edge) ? 9 : 14,
      height: isTaken(edge) ? 9 : 14,
      color: `var(--${isTaken(edge) ? 'accent' : 'edge'})`,
    },
  }))
  return { nodes, edges }
}

interface FitWhenChangedProps {
  readonly box: { readonly current: HTMLDivElement | null }
  readonly layout: ChartLayout
}

/** Shows the whole chart again whenever it is another one, or its box gets another size. */
function FitWhenChanged({ box, layout }: FitWhenChangedProps) {
  const { fitView } = useReactFlow()
  useEffect(() => {
    void layout
    const frame = requestAnimationFrame(() => void fitView({ padding: 0.04, maxZoom: 1 }))
    return () => cancelAnimationFrame(frame)
  }, [layout, fitView])
  useEffect(() => {
    if (!box.current) return
    const observer = new ResizeObserver(() => void fitView({ padding: 0.04, maxZoom: 1 }))
    observer.observe(box.current)
    return () => observer.disconnect()
  }, [box, fitView])
  return null
}

interface ChartButtonsProps {
  readonly isWhole: boolean
  /** Undefined when nothing is nested. */
  readonly onWhole: ((isWhole: boolean) => void) | undefined
}

function ChartButtons({ isWhole, onWhole }: ChartButtonsProps) {
  const { zoomIn, zoomOut, fitView } = useReactFlow()
  return (
    <div className="chart-buttons">
      {onWhole && (
        <button type="button" className="quiet" aria-pressed={isWhole} onClick={() => onWhole(!isWhole)}>
          All nested states
        </button>
      )}
      <button type="button" className="quiet icon" aria-label="Larger" onClick={() => void zoomIn()}>
        +
      </button>
      <button type="button" className="quiet icon" aria-label="Smaller" onClick={() => void zoomOut()}>
        −
      </button>
      <button
        type="button"
        className="quiet icon"
        aria-label="Show the whole chart"
        onClick={() => void fitView({ padding: 0.04, maxZoom: 1 })}
      >
        ⤢
      </button>
    </div>
  )
}
