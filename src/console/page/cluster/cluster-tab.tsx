import { StateChip } from '../actors/state-glyph.tsx'
import { milliseconds, plural } from '../app/units.ts'
import { useLive } from '../live/live-context.ts'
import { ClusterMap } from './cluster-map.tsx'
import { layersOf } from './layers.ts'
import { StageTable } from './stage-table.tsx'

/** The nodes, the links between them, and which layers run where. */
export function ClusterTab() {
  const { state } = useLive('cluster')
  const { cluster } = state
  if (!cluster) return <p className="empty">Waiting for the cluster…</p>
  const total = cluster.placement?.stages.reduce((most, { layers }) => Math.max(most, layers[1]), 0) ?? 0
  return (
    <div className="cluster">
      <section className="box map-box" aria-label="Nodes and links">
        <ClusterMap cluster={cluster} />
      </section>
      <div className="cluster-side">
        <section className="box" aria-label="Placement">
          <h2>
            Placement{' '}
            {cluster.placement && <span className="dim number">epoch {cluster.placement.epoch}</span>}
          </h2>
          {cluster.placement ? (
            <StageTable stages={cluster.placement.stages} total={total} />
          ) : (
            <p className="dim">No model is placed.</p>
          )}
        </section>
        <section className="box" aria-label="Nodes">
          <h2>
            Nodes <span className="dim">{plural(cluster.nodes.length, 'node')}</span>
          </h2>
          <table className="plain-table">
            <thead>
              <tr>
                <th scope="col">Node</th>
                <th scope="col">State</th>
                <th scope="col" className="right">
                  Round trip
                </th>
                <th scope="col" className="right">
                  Layers
                </th>
              </tr>
            </thead>
            <tbody>
              {cluster.nodes.map(node => (
                <tr key={node.id}>
                  <th scope="row">
                    {node.name} {node.self && <span className="badge">this node</span>}
                  </th>
                  <td>
                    <StateChip state={node.state} />
                  </td>
                  <td className="right number">
                    {node.self ? '–' : node.latency === undefined ? 'not yet' : milliseconds(node.latency)}
                  </td>
                  <td className="right number">{layersOf(cluster, node.name) || '–'}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      </div>
    </div>
  )
}
