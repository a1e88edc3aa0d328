import { describe, expect, it } from 'vitest'
import { ResourceGuard } from '../../src/concurrency/resource-guard.ts'
import { codeOf } from './outcome.ts'

describe('ResourceGuard', () => {
  it('throws when the resource is used concurrently', () => {
    const guard = new ResourceGuard('the socket')
    expect(guard.isInUse).toBe(false)
    {
      using _ = guard.enter()
      expect(guard.isInUse).toBe(true)
      expect(codeOf(() => guard.enter())).toBe('EXO_LOCK_MISUSE')
      expect(() => guard.enter()).toThrow('the socket is in use by somebody else')
    }
    expect(guard.isInUse).toBe(false)
    using _ = guard.enter()
  })

  it('is left once by each who entered: who leaves twice ends nobody else’s use', () => {
    const guard = new ResourceGuard()
    const first = guard.enter()
    first[Symbol.dispose]()
    using _ = guard.enter()
    first[Symbol.dispose]()
    expect(() => guard.enter()).toThrow('the resource is in use by somebody else')
  })
})
