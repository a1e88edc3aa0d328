import { describe, expect, it } from 'vitest'
import { type ResourceCommand, resourceCommands } from '../../../src/observe/view/commands.ts'
import { silentLog } from '../../../src/resources/log.ts'
import { Registry } from '../../../src/resources/registry.ts'
import { childSpec } from '../../../src/supervision/child-spec.ts'
import { supervisorResource } from '../../../src/supervision/supervisor-resource.ts'
import type { AnyChildSpec, SuperviseOptions, SupervisorInput } from '../../../src/supervision/types.ts'
import { grow, kid } from '../../supervision/tree.ts'

async function commanded(children: readonly AnyChildSpec[], options: Partial<SuperviseOptions> = {}) {
  const registry = new Registry(silentLog)
  const world = await grow(children, { registry, ...options })
  const commands = resourceCommands(world.root, registry, { clock: world.clock })
  return { ...world, registry, run: commands.run }
}

const below = (id: string, input: SupervisorInput) =>
  childSpec({ id, resource: supervisorResource, input, policy: { on: ['ERROR'] } })

describe('commands to resources by their paths', () => {
  it('reach a child of a supervisor below the root', async () => {
    const a = kid('a')
    const { root, run, registry } = await commanded([below('sub', { children: [a.spec] })])
    const path = 'root/sub/a'
    expect(await run('suspend', path)).toEqual({ path, state: 'READY', incarnation: 1, suspended: true })
    expect(await run('resume', path)).toMatchObject({ suspended: false })
    expect(await run('restart', path)).toMatchObject({ state: 'READY', incarnation: 2 })
    expect(await run('degrade', path, 'slow')).toMatchObject({ state: 'DEGRADED' })
    expect(registry.get(path).lastError?.message).toBe('root/sub/a was degraded by hand: slow')
    expect(await run('recover', path)).toMatchObject({ state: 'READY', incarnation: 2 })
    expect(await run('close', path)).toMatchObject({ state: 'CLOSED' })
    expect(await run('restart', path)).toMatchObject({ state: 'READY', incarnation: 3 })
    await root.close()
  })

  it('let a resource fail for a reason, and leave what follows to its policy', async () => {
    const a = kid('a')
    const { root, run, clock, registry } = await commanded([a.spec])
    await run('fail', 'root/a', 'to see what happens')
    expect(registry.get('root/a').lastError).toMatchObject({
      code: 'EXO_RESOURCE_FAILED',
      message: 'root/a was failed by hand: to see what happens',
    })
    await clock.advance(100)
    expect(registry.get('root/a')).toMatchObject({ state: 'READY', incarnation: 2 })
    await root.close()
  })

  it('mend a DEGRADED resource in place by what its kind does for that', async () => {
    let mended = 0
    const a = kid('a', {
      recover: async () => {
        mended += 1
      },
    })
    const { root, run } = await commanded([a.spec])
    await run('degrade', 'root/a')
    expect(await run('recover', 'root/a')).toMatchObject({ state: 'READY', incarnation: 1 })
    expect(mended).toBe(1)
    await root.close()
  })

  it('close a child that is forgotten then, and say so', async () => {
    const a = kid('a', {}, { restart: 'temporary' })
    const { root, run, registry } = await commanded([a.spec])
    expect(await run('close', 'root/a')).toMatchObject({ path: 'root/a', state: 'CLOSED' })
    expect(() => registry.get('root/a')).toThrow()
    await root.close()
  })

  it('name the nearest path when there is no such resource', async () => {
    const { root, run } = await commanded([kid('inference').spec])
    const code = 'EXO_CHILD_UNKNOWN'
    await expect(run('reset', 'root/inferense')).rejects.toMatchObject({ code })
    await expect(run('reset', 'root/inferense')).rejects.toThrow('did you mean "root/inference"?')
    await root.close()
  })

  const invalid: readonly [ResourceCommand, string][] = [
    ['recover', 'it is READY, expected DEGRADED'],
    ['resume', 'it is not suspended'],
  ]
  it.each(invalid)(
    'refuse %s where the state does not allow it, and change nothing',
    async (command, why) => {
      const a = kid('a')
      const { root, run, events } = await commanded([a.spec])
      const before = events.length
      await expect(run(command, 'root/a')).rejects.toMatchObject({ code: 'EXO_REQUEST_INVALID' })
      await expect(run(command, 'root/a')).rejects.toThrow(why)
      expect(events.length).toBe(before)
      await root.close()
    },
  )

  it('refuse to degrade, fail or close what is CLOSED, and to suspend twice', async () => {
    const a = kid('a')
    const { root, run } = await commanded([a.spec])
    await run('suspend', 'root/a')
    await expect(run('suspend', 'root/a')).rejects.toThrow('it is suspended already')
    await run('close', 'root/a')
    for (const command of ['degrade', 'fail', 'close', 'recover'] as const)
      await expect(run(command, 'root/a')).rejects.toMatchObject({ code: 'EXO_REQUEST_INVALID' })
    await root.close()
  })

  it('refuse every command to the root', async () => {
    const { root, run } = await commanded([])
    for (const command of ['restart', 'fail', 'close', 'suspend'] as const)
      await expect(run(command, 'root')).rejects.toMatchObject({ code: 'EXO_REQUEST_INVALID' })
    expect(root.state).toBe('READY')
    await root.close()
  })

  it('say that the supervisor of a resource is not there', async () => {
    const a = kid('a')
    const { root, run, registry } = await commanded([below('sub', { children: [a.spec] })])
    registry.ref('root/sub').fail('lost')
    await expect(run('restart', 'root/sub/a')).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    await root.close()
  })

  it('pass on what a supervisor does not offer', async () => {
    const one = kid('one')
    const input: SupervisorInput = {
      strategy: 'dynamic',
      template: { resource: one.definition as never, input: undefined } as never,
    }
    const { root, run } = await commanded([below('sub', input)])
    const sub = await root.ref(supervisorResource, 'sub').ready()
    await sub.spawn(one.definition, {}, { id: 'one' })
    await expect(run('restart', 'root/sub/one')).rejects.toMatchObject({ code: 'EXO_STRATEGY_MISMATCH' })
    await root.close()
  })

  it('do not keep the caller waiting for ever, while the restart goes on', async () => {
    const a = kid('a', {}, { policy: { startTimeout: 600_000 } })
    const { root, run, clock, registry } = await commanded([a.spec])
    a.script.initialize = 'wait'
    const restarted = run('restart', 'root/a')
    const refused = expect(restarted).rejects.toMatchObject({ code: 'EXO_READY_TIMEOUT' })
    await clock.advance(30_001)
    await refused
    a.lives[1]?.initialized.resolve()
    await clock.settle()
    expect(registry.get('root/a')).toMatchObject({ state: 'READY', incarnation: 2 })
    await root.close()
  })
})
