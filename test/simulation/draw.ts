import { Dice } from './dice.ts'
import { ScriptDrawing } from './draw-script.ts'
import { TreeDrawing } from './draw-tree.ts'
import type { Scenario } from './scenario.ts'
import { drawSwarm } from './swarm.ts'

/** The world of a seed. */
export function drawScenario(seed: number): Scenario {
  const swarm = drawSwarm(new Dice(seed, 'swarm'))
  const trees = new TreeDrawing(new Dice(seed, 'tree'), swarm)
  const root = trees.root()
  return { seed, root, script: new ScriptDrawing(new Dice(seed, 'script'), swarm, trees, root).script() }
}
