import { describe, expect, it } from 'vitest'
import { planPlacement } from '../../src/cluster/plan.ts'

const node = (id: string, memory = 1) => ({ id, name: id, memory })

describe('planPlacement', () => {
  it('puts the entry first and the others in the order of their names, so that the same nodes give the same plan', () => {
    const plan = planPlacement({ epoch: 4, layers: 6, entry: node('m'), others: [node('z'), node('a')] })
    expect(plan).toEqual({
      epoch: 4,
      stages: [
        { node: 'm', layers: [0, 2] },
        { node: 'a', layers: [2, 4] },
        { node: 'z', layers: [4, 6] },
      ],
    })
    expect(planPlacement({ epoch: 4, layers: 6, entry: node('m'), others: [node('a'), node('z')] })).toEqual(
      plan,
    )
  })

  it('orders nodes of one name by their ids', () => {
    const twins = [
      { id: 'z', name: 'twin', memory: 1 },
      { id: 'b', name: 'twin', memory: 1 },
    ]
    const plan = planPlacement({ epoch: 1, layers: 3, entry: node('m'), others: twins })
    expect(plan.stages.map(stage => stage.node)).toEqual(['m', 'b', 'z'])
  })

  it('leaves out nodes that get no layer', () => {
    const plan = planPlacement({
      epoch: 1,
      layers: 2,
      entry: node('a'),
      others: [node('b', 1), node('c', 5)],
    })
    expect(plan.stages.map(stage => stage.node)).toEqual(['a', 'c'])
  })

  it('does not count the entry twice when it is also among the others', () => {
    const plan = planPlacement({ epoch: 1, layers: 4, entry: node('a'), others: [node('a'), node('b')] })
    expect(plan.stages).toHaveLength(2)
  })

  it('refuses a model without layers', () => {
    expect(() => planPlacement({ epoch: 1, layers: 0, entry: node('a'), others: [] })).toThrow(/0 layers/)
  })
})
