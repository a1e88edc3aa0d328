import { describe, expect, it } from 'vitest'
import { causeChain, holdsInChain, textOf } from '../../src/supervision/cause-chain.ts'

const hostile = {
  get cause(): never {
    throw new Error('no')
  },
  get code(): never {
    throw new Error('no')
  },
}
const endless = new Error('endless')
endless.cause = endless

describe('the chain of causes', () => {
  it('is the error, its cause and so on, whatever was thrown', () => {
    const root = { code: 'X' }
    const error = new Error('outer', { cause: new Error('inner', { cause: root }) })
    expect(causeChain(error)).toEqual([error, error.cause, root])
    expect(causeChain(undefined)).toEqual([])
    expect(causeChain(null)).toEqual([])
    expect(causeChain(7)).toEqual([7])
    expect(causeChain({ cause: null })).toEqual([{ cause: null }])
    expect(causeChain(hostile)).toEqual([hostile])
  })

  it('is looked at for 16 links', () => {
    expect(causeChain(endless)).toHaveLength(16)
    let looks = 0
    const look = () => {
      looks += 1
      return false
    }
    expect([holdsInChain(endless, look), looks]).toEqual([false, 16])
  })

  it('is searched up to its end, and each link that is something is asked', () => {
    const asked: unknown[] = []
    const note = (link: unknown) => {
      asked.push(link)
      return link === 'root'
    }
    const holder = { cause: { cause: 'root' } }
    expect(holdsInChain(holder, note)).toBe(true)
    expect(holdsInChain({ cause: null }, note)).toBe(false)
    expect(holdsInChain(undefined, note)).toBe(false)
    expect(holdsInChain(null, note)).toBe(false)
    expect(asked).toEqual([holder, holder.cause, 'root', { cause: null }])
  })
})

describe('the text of a property of something that was thrown', () => {
  it('is there for texts and numbers, and for nothing else', () => {
    const thrown = [{ code: 'A' }, { code: 7 }, { code: true }, {}, hostile, null, undefined, 'text', 5]
    expect(thrown.map(each => textOf(each, 'code'))).toEqual(['A', '7', ...Array.from({ length: 7 })])
  })
})
