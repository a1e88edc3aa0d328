import { childSpec } from '../../src/supervision/child-spec.ts'
import { supervisorResource } from '../../src/supervision/supervisor-resource.ts'
import type { AnyChildSpec, ChildTemplate, SupervisorInput } from '../../src/supervision/types.ts'
import { type LeafDefinition, leafDefinition } from './leaf.ts'
import { type BranchPlan, isBranch, type LeafPlan, type NodePlan } from './scenario.ts'
import type { World } from './world.ts'

/** What the kernel is given for each supervisor and each leaf of a world. */
export class Blueprint {
  readonly #world: World
  readonly #definitions = new Map<string, LeafDefinition>()

  constructor(world: World) {
    this.#world = world
  }

  input(branch: BranchPlan): SupervisorInput {
    const { strategy, intensity, autoShutdown, concurrentStarts, template, maxChildren } = branch
    return {
      strategy,
      ...(template
        ? { template: this.template(template) }
        : { children: branch.children.map(child => this.spec(child)) }),
      ...(maxChildren && { maxChildren }),
      ...(intensity && { intensity }),
      ...(autoShutdown && { autoShutdown }),
      ...(concurrentStarts && { concurrentStarts }),
    }
  }

  /** Of a plan, not of what reloads below have made of it: a supervisor that was reloaded begins anew with what it began with. */
  spec(plan: NodePlan): AnyChildSpec {
    if (!isBranch(plan)) return childSpec({ id: plan.id, input: {}, ...this.#fields(plan) })
    const { id, policy, restart, dependsOn } = plan
    const input = this.input(plan)
    return childSpec({
      id,
      resource: supervisorResource,
      input,
      policy,
      restart,
      ...(dependsOn && { dependsOn }),
    })
  }

  template(plan: LeafPlan): ChildTemplate<never, unknown, never> {
    const { start: _, ...fields } = this.#fields(plan)
    return fields as unknown as ChildTemplate<never, unknown, never>
  }

  /** The kind of a leaf, or of all that a dynamic supervisor spawns. */
  definition(plan: LeafPlan): LeafDefinition {
    const name = plan.kind ?? plan.id
    const known = this.#definitions.get(name)
    if (known) return known
    const made = leafDefinition(this.#world, plan)
    this.#definitions.set(name, made)
    return made
  }

  #fields(plan: LeafPlan) {
    const { restart, policy, start, mailbox, significant, dependsOn, after, requires } = plan
    return {
      resource: this.definition(plan),
      policy,
      restart,
      start: start ?? true,
      mailbox: mailbox ?? 1,
      significant: significant ?? false,
      ...(dependsOn && { dependsOn }),
      ...(after && { after }),
      ...(requires && { requires }),
    }
  }
}
