import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../../src/concurrency/virtual-clock.ts'
import { checkSpecs } from '../../../src/supervision/check-specs.ts'
import { supervise } from '../../../src/supervision/supervise.ts'
import type { ChildSpec } from '../../../src/supervision/types.ts'
import { code, otp, simple, sub, worker } from './world.ts'

const modes = ['never', 'any_significant', 'all_significant'] as const
const types = ['permanent', 'transient', 'temporary'] as const

describe('specs and flags', () => {
  it('child_specs_map — a significant child fits every restart type but permanent, and every mode but never, however it comes', async () => {
    const { typed } = worker('child')
    for (const autoShutdown of modes) {
      for (const restart of types) {
        for (const significant of [true, false]) {
          const spec = { ...typed, restart, significant }
          const fits = !significant || (autoShutdown !== 'never' && restart !== 'permanent')
          const expected = fits ? 'ok' : 'EXO_CHILD_SPEC_INVALID'
          const what = `${autoShutdown} ${restart} ${significant}`
          const faults = checkSpecs({ autoShutdown, children: [spec as never] })
          if (fits) expect(faults, what).toEqual([])
          else expect(faults[0], what).toMatchObject({ path: 'children[0].significant' })

          const { root } = await otp('one_for_one', 2, 3600, [], { autoShutdown })
          expect(await code(root.start(spec)), what).toBe(expected)
          expect(root.children()).toHaveLength(fits ? 1 : 0)
          if (fits) expect(root.spec('child')).toMatchObject({ restart, significant })
          await root.close()

          const nested = sub('sup', [spec as never], { autoShutdown })
          const tree = { clock: new VirtualClock(), children: [nested as never] }
          const starting = supervise(tree)
          expect(await code(starting), what).toBe(expected)
          if (fits) await (await starting).close()

          const dynamic = simple(2, 3600, { typed }, { restart, significant, options: { autoShutdown } })
          expect(await code(dynamic), what).toBe(expected)
          if (fits) await (await dynamic).root.close()
        }
      }
    }
  })

  it('a policy that makes a child permanent counts as much as its spec when the child is to be significant', async () => {
    const { typed } = worker('child')
    const permanent: Partial<ChildSpec<object, object>> = {
      policy: { restart: 'permanent' },
      significant: true,
    }
    const { root } = await otp('one_for_one', 2, 3600, [], { autoShutdown: 'any_significant' })
    expect(await code(root.start({ ...typed, ...permanent }))).toBe('EXO_CHILD_SPEC_INVALID')
    expect(await code(root.start({ ...typed, ...permanent, restart: 'transient' }))).toBe('ok')
    await root.close()
  })
})
