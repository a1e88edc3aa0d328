import type { ClusterView } from '../../../observe/view/messages.ts'

/** The layers that a node holds, as text: `0–3, 6–7`; empty for none. */
export function layersOf({ placement }: ClusterView, node: string): string {
  return (placement?.stages ?? [])
    .filter(stage => stage.node === node)
    .map(({ layers: [first, end] }) => (end - first === 1 ? `${first}` : `${first}–${end - 1}`))
    .join(', ')
}
