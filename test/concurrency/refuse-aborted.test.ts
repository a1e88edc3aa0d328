import { describe, expect, it } from 'vitest'
import { refuseAborted } from '../../src/concurrency/refuse-aborted.ts'

describe('refuseAborted', () => {
  it('throws EXO_ABORTED for a caller who has given up, with the work’s name and the reason as its cause', async () => {
    const begin = async () => refuseAborted(AbortSignal.abort('changed my mind'), 'the generation')
    await expect(begin()).rejects.toMatchObject({
      code: 'EXO_ABORTED',
      message: 'the generation was cancelled',
      cause: 'changed my mind',
    })
  })

  it('lets everybody else begin, also whoever has no signal', () => {
    expect(() => refuseAborted(new AbortController().signal, 'the generation')).not.toThrow()
    expect(() => refuseAborted(undefined, 'the generation')).not.toThrow()
  })
})
