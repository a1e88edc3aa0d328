import { BaseEdge, EdgeLabelRenderer, type EdgeProps, Handle, type NodeProps, Position } from '@xyflow/react'
import { states } from '../actors/actor-tree.ts'
import { StateGlyph } from '../actors/state-glyph.tsx'
import { type PlacedEdge, type PlacedState, smoothPath } from './chart-layout.ts'

interface StateData {
  readonly state: PlacedState
  readonly isActive: boolean
  /** How many states are nested in it. */
  readonly inside: number
}

/** A state: lit while it is active, in the colour of the lifecycle state that it is or lies in. */
function StateNode({ data }: NodeProps) {
  const { state, isActive, inside } = data as unknown as StateData
  const outermost = states.find(name => name === state.id.split('.')[0])
  const classes = [
    'chart-state',
    outermost,
    isActive && 'active',
    state.isOpen && 'compound',
    state.isFinal && 'final',
  ]
  return (
    <div
      className={classes.filter(Boolean).join(' ')}
      title={state.description}
      data-active={isActive || undefined}
    >
      <Handle type="target" position={Position.Top} isConnectable={false} />
      <div className="chart-name">
        {state.isInitial && (
          <span className="initial" title="Here it begins">
            ▸
          </span>
        )}
        {outermost && state.parent === '' && <StateGlyph state={outermost} />}
        {state.name}
        {inside > 0 && !state.isOpen && <span className="inside">· {inside} inside</span>}
      </div>
      {state.staying.length > 0 && (
        <ul className="staying">
          {state.staying.map(event => (
            <li key={event}>↻ {event}</li>
          ))}
        </ul>
      )}
      <Handle type="source" position={Position.Bottom} isConnectable={false} />
    </div>
  )
}

/** The transitions from one state to another, with the types of their events. */
function TransitionEdge({ id, data, markerEnd }: EdgeProps) {
  const { edge, isTaken } = data as unknown as { readonly edge: PlacedEdge; readonly isTaken: boolean }
  return (
    <>
      <BaseEdge
        id={id}
        path={smoothPath(edge.points)}
        {...(markerEnd !== undefined && { markerEnd })}
        className={isTaken ? 'chart-edge taken' : 'chart-edge'}
      />
      <EdgeLabelRenderer>
        <div
          className={isTaken ? 'chart-event taken' : 'chart-event'}
          style={{ transform: `translate(-50%, -50%) translate(${edge.label.x}px, ${edge.label.y}px)` }}
        >
          {edge.events.map(event => (
            <div key={event}>{event}</div>
          ))}
        </div>
      </EdgeLabelRenderer>
    </>
  )
}

export const nodeTypes = { state: StateNode }
export const edgeTypes = { transition: TransitionEdge }
