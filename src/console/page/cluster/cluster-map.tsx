import {
  type Edge,
  Handle,
  type Node,
  type NodeProps,
  Position,
  ReactFlow,
  useReactFlow,
} from '@xyflow/react'
import { useEffect, useMemo } from 'react'
import type { ClusterView } from '../../../observe/view/messages.ts'
import { StateGlyph } from '../actors/state-glyph.tsx'
import { milliseconds } from '../app/units.ts'
import { layersOf } from './layers.ts'

type ClusterNode = ClusterView['nodes'][number]

const WIDTH = 168
const HEIGHT = 64

/** This node in the middle, the others around it, and how far away each is. */
export function ClusterMap({ cluster }: { readonly cluster: ClusterView }) {
  const { nodes, edges } = useMemo(() => drawn(cluster), [cluster])
  const names = cluster.nodes.map(node => node.id).join('\n')
  return (
    <div className="cluster-map">
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={nodeTypes}
        fitView
        fitViewOptions={{ padding: 0.12, maxZoom: 1.15 }}
        minZoom={0.2}
        nodesDraggable={false}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        preventScrolling={false}
        zoomOnScroll={false}
        proOptions={{ hideAttribution: true }}
        aria-label={`${cluster.nodes.length} nodes and the links between them`}
      >
        <FitWhenOther names={names} />
      </ReactFlow>
    </div>
  )
}

function FitWhenOther({ names }: { readonly names: string }) {
  const { fitView } = useReactFlow()
  useEffect(() => {
    void names
    const frame = requestAnimationFrame(() => void fitView({ padding: 0.12, maxZoom: 1.15 }))
    return () => cancelAnimationFrame(frame)
  }, [names, fitView])
  return null
}

function drawn(cluster: ClusterView) {
  const self = cluster.nodes.find(node => node.self)
  const others = cluster.nodes.filter(node => node !== self)
  const radius = others.length < 2 ? 170 : Math.max(190, (others.length * (WIDTH + 40)) / (2 * Math.PI))
  const stretch = innerWidth < 760 ? 0.75 : 1.35
  const place = (node: ClusterNode): { x: number; y: number } => {
    if (node === self) return { x: 0, y: 0 }
    const angle = (others.indexOf(node) / others.length) * 2 * Math.PI - Math.PI / 2
    return { x: Math.cos(angle) * radius * stretch, y: Math.sin(angle) * radius }
  }
  const nodes: Node[] = cluster.nodes.map(node => ({
    id: node.id,
    type: 'machine',
    position: place(node),
    width: WIDTH,
    height: HEIGHT,
    zIndex: 1,
    data: { node, layers: layersOf(cluster, node.name) },
  }))
  const edges: Edge[] = others.flatMap(node =>
    self
      ? [
          {
            id: node.id,
            type: 'straight',
            source: self.id,
            target: node.id,
            className: node.state === 'READY' ? 'link' : 'link bad',
            label: node.latency === undefined ? '' : milliseconds(node.latency),
          },
        ]
      : [],
  )
  return { nodes, edges }
}

function MachineNode({ data }: NodeProps) {
  const { node, layers } = data as unknown as { readonly node: ClusterNode; readonly layers: string }
  return (
    <div className={`machine ${node.state}${node.self ? ' self' : ''}`}>
      <Handle type="target" position={Position.Top} isConnectable={false} className="centre" />
      <Handle type="source" position={Position.Top} isConnectable={false} className="centre" />
      <strong>
        <StateGlyph state={node.state} /> {node.name}
      </strong>
      <span className="number dim">{layers === '' ? 'no layers' : `layers ${layers}`}</span>
    </div>
  )
}

const nodeTypes = { machine: MachineNode }
