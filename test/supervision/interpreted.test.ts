import { expect, it } from 'vitest'
import { createInterpretedActor } from '../../src/actors/create-actor.ts'
import { InterpretedActor } from '../../src/actors/interpreted-actor.ts'
import { TableActor } from '../../src/actors/table-actor.ts'
import type { Ref } from '../../src/resources/ref.ts'
import { childSpec } from '../../src/supervision/child-spec.ts'
import { supervisorResource } from '../../src/supervision/supervisor-resource.ts'
import { grow, kid } from './tree.ts'

it('a tree runs every machine by XState from the start when it is told to, with the same story', async () => {
  const told: string[][] = []
  for (const [kind, options] of [
    [TableActor, {}],
    [InterpretedActor, { createActor: createInterpretedActor }],
  ] as const) {
    const a = kid('a')
    const sub = childSpec({ id: 'sub', resource: supervisorResource, input: { children: [a.spec] } })
    const { root, clock, events, story } = await grow([sub], options)
    const inner = await root.ref(supervisorResource, 'sub').ready()
    const ref = inner.ref('a') as unknown as Ref<unknown, unknown, unknown>
    expect(ref.current?.actor).toBeInstanceOf(kind)
    a.lives[0]?.self.fail('lost')
    await clock.advance(1_000)
    expect(events.length).toBeGreaterThan(5)
    await root.close()
    told.push(story())
  }
  expect(told[0]).toEqual(told[1])
})
