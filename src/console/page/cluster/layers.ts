import type { ClusterView } from '../../../observe/view/messages.ts'

/** Layers as text: `0–3`, or `6` for one. */
export function layerText([first, end]: readonly [first: number, endExclusive: number]): string {
  return end - first === 1 ? `${first}` : `${first}–${end - 1}`
}

/** The layers that a node holds, as text: `0–3, 6–7`; empty for none. */
export function layersOf({ placement }: ClusterView, node: string): string {
  return (placement?.stages ?? [])
    .filter(stage => stage.node === node)
    .map(({ layers }) => layerText(layers))
    .join(', ')
}
