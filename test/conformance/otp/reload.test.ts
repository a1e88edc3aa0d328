import { describe, expect, it } from 'vitest'
import type { SupervisorInput } from '../../../src/supervision/types.ts'
import { code, incarnations, otp, simple, type Worker, worker } from './world.ts'

const fault = (path: string) =>
  expect.objectContaining({
    code: 'EXO_CHILD_SPEC_INVALID',
    details: expect.objectContaining({ faults: [expect.objectContaining({ path })] }),
  })

const refused = expect.objectContaining({ code: 'EXO_CHILD_SPEC_INVALID' })

/** Refuses each of these, and says where it is wrong. */
function refuses(root: { reload(input: SupervisorInput): void }, wrong: readonly [unknown, string][]): void {
  for (const [input, path] of wrong) {
    expect(() => root.reload(input as SupervisorInput), path).toThrow(fault(path))
  }
}

const names = ({ lives }: Worker) => lives.map(({ self }) => self.name)

// OTP's code_change. A flag that is not named goes back to its default there; here it stays as it is.
describe('code_change', () => {
  it('code_change — flags change while children run; nothing changes by nothing, and what is wrong is refused as a whole', async () => {
    const all = [worker('child1'), worker('child2')]
    const { root, terminate } = await otp('one_for_one', 5, 3600, all)
    root.reload({})
    expect(incarnations(root)).toEqual({ child1: 1, child2: 1 })

    refuses(root, [
      ['rubbish', 'input'],
      [null, 'input'],
      [[], 'input'],
      [{ strategy: 'faulty' }, 'strategy'],
      [{ intensity: { restarts: -1, within: 1_000 } }, 'intensity.restarts'],
      [{ autoShutdown: 'faulty' }, 'autoShutdown'],
      [{ children: 'faulty' }, 'children'],
      [{ strategy: 'one_for_all', children: ['faulty'] }, 'children[0]'],
      [{ strategy: 'one_for_all', children: [null] }, 'children[0]'],
    ])
    expect(() => root.reload({ strategy: 'dynamic' })).toThrow(refused)
    await terminate('child1')
    expect(incarnations(root)).toEqual({ child1: 2, child2: 1 })

    root.reload({ strategy: 'one_for_all', intensity: { restarts: 3, within: 3_600_000 } })
    expect(incarnations(root)).toEqual({ child1: 2, child2: 1 })
    await terminate('child1')
    await terminate('child1')
    expect(incarnations(root)).toEqual({ child1: 4, child2: 3 })
    await terminate('child2')
    expect(await root.closed).toMatchObject({ reason: 'failed', error: { code: 'EXO_INTENSITY_EXCEEDED' } })
  })

  it('code_change_map — known children get the new spec and run on, new ones are added and not started, missing ones stay', async () => {
    const [child1, child2, child3] = [worker('child1'), worker('child2'), worker('child3')]
    const { root, events, terminate } = await otp('one_for_one', 5, 3600, [child1, child2])
    const successor = worker('child1', {}, { restart: 'transient', policy: { shutdown: 7_000 } })
    root.reload({ children: [child3.spec, successor.spec] })
    expect(incarnations(root)).toEqual({ child1: 1, child2: 1, child3: 'UNINITIALIZED' })
    expect([root.spec('child1').restart, root.spec('child2').restart]).toEqual(['transient', 'permanent'])
    expect(root.spec('child1').shutdown).toBe(7_000)
    expect(events.filter(({ type }) => type === 'reloaded').map(({ name }) => name)).toEqual(['child1'])

    await root.restart('child3')
    expect(incarnations(root)).toMatchObject({ child3: 1 })
    await terminate('child1', 'abnormal')
    expect([child1.lives.length, successor.lives.length]).toEqual([1, 1])
    await terminate('child1', 'normal')
    expect(incarnations(root)).toMatchObject({ child1: 'CLOSED' })

    const { id: _, ...withoutId } = worker('child4').spec
    refuses(root, [
      [{ children: [withoutId] }, 'children[3].id'],
      [{ children: [{ ...child2.spec, restart: 'faulty' }] }, 'children[1].restart'],
    ])
    const twice = { children: [worker('child4').spec, worker('child4').spec] }
    expect(() => root.reload(twice)).toThrow(refused)
    expect(root.children().map(({ id }) => id)).toEqual(['child1', 'child2', 'child3'])
    expect(root.spec('child2').restart).toBe('permanent')
    await root.close()
  })

  it('code_change_simple — there is exactly one template: without one, or with children beside it, the old one holds', async () => {
    const child = worker('child')
    const { root, spawn, terminate } = await simple(5, 3600, child)
    await spawn('a')
    root.reload({})
    refuses(root, [
      [{ template: 'faulty' }, 'template'],
      [{ template: [child.spec, child.spec] }, 'template'],
      [{ template: null }, 'template'],
      [{ children: [child.spec] }, 'children'],
      [{ maxChildren: 0 }, 'maxChildren'],
    ])
    expect(() => root.reload({ strategy: 'one_for_one' })).toThrow(refused)
    await terminate('a')
    await spawn('b')
    expect(incarnations(root)).toEqual({ a: 2, b: 1 })
    root.reload({ maxChildren: 2, intensity: { restarts: 0, within: 1_000 } })
    expect(await code(spawn('c'))).toBe('EXO_CHILDREN_EXHAUSTED')
    await terminate('b')
    expect(await root.closed).toMatchObject({ reason: 'failed' })
  })

  it('code_change_simple_map — a new template holds for who comes later, and from the next start on for who runs', async () => {
    const [old, successor] = [worker('old'), worker('successor')]
    const { root, spawn, terminate } = await simple(5, 3600, old, { restart: 'transient' })
    for (const id of ['a', 'b']) await spawn(id)
    root.reload({ template: { resource: successor.typed.resource } })
    expect(incarnations(root)).toEqual({ a: 1, b: 1 })
    // What the old template said and the new one does not is gone with the old one.
    expect([root.spec('a').restart, root.spec('b').restart]).toEqual(['permanent', 'permanent'])
    expect(await code(spawn('c'))).toBe('EXO_STRATEGY_MISMATCH')
    await root.spawn(successor.typed.resource, {}, { id: 'd' })
    await terminate('a', 'normal')
    expect(incarnations(root)).toEqual({ a: 2, b: 1, d: 1 })
    expect([names(old), names(successor)]).toEqual([
      ['a', 'b'],
      ['d', 'a'],
    ])
    await root.close()
  })
})
