import type { ClusterView } from '../../../observe/view/messages.ts'
import { milliseconds } from '../app/units.ts'
import { layerText } from './layers.ts'

type Stages = NonNullable<ClusterView['placement']>['stages']

/** The stages in the order in which a token passes them: where their layers lie, and how long one token takes. */
export function StageTable({ stages, total }: { readonly stages: Stages; readonly total: number }) {
  const slowest = Math.max(...stages.flatMap(({ predicted, measured }) => [predicted ?? 0, measured ?? 0]))
  return (
    <table className="plain-table">
      <thead>
        <tr>
          <th scope="col">Stage</th>
          <th scope="col">Layers</th>
          <th scope="col" className="right">
            Predicted
          </th>
          <th scope="col" className="right">
            Measured
          </th>
        </tr>
      </thead>
      <tbody>
        {stages.map(({ node, layers: [first, end], predicted, measured }, index) => (
          <tr key={first}>
            <th scope="row">
              <span className="dim number">{index + 1}</span> {node}
            </th>
            <td>
              <span className="layer-bar" aria-hidden="true">
                <span
                  style={{
                    insetInlineStart: `${(first / total) * 100}%`,
                    inlineSize: `${((end - first) / total) * 100}%`,
                  }}
                />
              </span>
              <span className="number">{layerText([first, end])}</span>
            </td>
            <Time ms={predicted} slowest={slowest} />
            <Time ms={measured} slowest={slowest} />
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function Time({ ms, slowest }: { readonly ms: number | undefined; readonly slowest: number }) {
  return (
    <td className="right number">
      {ms === undefined ? (
        <span className="dim">not known</span>
      ) : (
        <>
          <span className="time-bar" aria-hidden="true" style={{ inlineSize: `${(ms / slowest) * 3}rem` }} />
          {milliseconds(ms)}
        </>
      )}
    </td>
  )
}
