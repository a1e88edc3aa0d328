import { ExovisorError } from '../errors.ts'
import { type LayerRange, partitionLayers } from './partition.ts'

/** What the planner needs to know of a node. */
export interface PlanNode {
  /** Stable id of the node. */
  readonly id: string
  readonly name: string
  /** Memory that the node offers, in bytes: the weight of its share. */
  readonly memory: number
}

/** One stage of a plan. */
interface PlannedStage {
  readonly node: string
  readonly layers: LayerRange
}

/** Which node holds which layers, pinned with an epoch. A higher epoch replaces a lower one, never the other way. */
export interface PlacementPlan {
  readonly epoch: number
  readonly stages: readonly PlannedStage[]
}

/**
 * Plans the stages of a model: the entry node first, then the others by name and id, so that the same nodes
 * always give the same plan.
 *
 * @throws EXO_NO_PLACEMENT when the model has no layers
 */
export function planPlacement(options: {
  readonly epoch: number
  readonly layers: number
  readonly entry: PlanNode
  readonly others: readonly PlanNode[]
}): PlacementPlan {
  const { epoch, layers, entry, others } = options
  if (!Number.isInteger(layers) || layers < 1)
    throw new ExovisorError(
      'EXO_NO_PLACEMENT',
      `a model of ${layers} layers cannot be placed: expected 1 or more`,
    )
  const ordered = [entry, ...others.filter(({ id }) => id !== entry.id).sort(byNameAndId)]
  const ranges = partitionLayers(
    layers,
    ordered.map(({ memory }) => memory),
  )
  const stages = ordered.flatMap((node, index) => {
    const range = ranges[index]
    return range && range[0] < range[1] ? [{ node: node.id, layers: range }] : []
  })
  return { epoch, stages }
}

function byNameAndId(a: PlanNode, b: PlanNode): number {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1
  return a.id < b.id ? -1 : 1
}
