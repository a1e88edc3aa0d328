import { describe, expect, it } from 'vitest'
import { AsyncCallbackRegistry } from '../../src/concurrency/callback-registry.ts'
import { outcome, settled } from './outcome.ts'

function setup(name?: string) {
  const faults: unknown[] = []
  const onError = (error: unknown) => faults.push(error)
  return {
    faults,
    registry: new AsyncCallbackRegistry<string, number>({ onError, ...(name !== undefined && { name }) }),
  }
}

describe('AsyncCallbackRegistry', () => {
  it('gives the same callback for a key until it is deregistered', () => {
    const { registry } = setup()
    const first = registry.register('a')
    expect(registry.register('a')).toBe(first)
    expect(registry.register('b')).not.toBe(first)
    expect(registry.keys).toEqual(['a', 'b'])
    expect(registry.deregister('a')).toBe(true)
    expect(registry.deregister('a')).toBe(false)
    expect(registry.register('a')).not.toBe(first)
    expect(registry.keys).toEqual(['b', 'a'])
  })

  it('triggers the callback of a key and no other, and says whether there was one', async () => {
    const { registry } = setup()
    const heard: string[] = []
    registry.register('a').onNext(value => heard.push(`a ${value}`))
    registry.register('b').onNext(value => heard.push(`b ${value}`))
    expect(await registry.trigger('a', 1)).toBe(true)
    expect(await registry.trigger('c', 2)).toBe(false)
    expect(heard).toEqual(['a 1'])
  })

  it('triggers all, and none waits for another', async () => {
    const { registry } = setup()
    const heard: string[] = []
    registry.register('dead').onNext(() => new Promise(() => undefined))
    registry.register('a').onNext(value => heard.push(`a ${value}`))
    registry.register('b').onNext(value => heard.push(`b ${value}`))
    const waiting = outcome(registry.triggerAll(1))
    expect(heard).toEqual(['a 1', 'b 1'])
    await settled()
    expect(waiting.said).toBe('waits')
    registry.deregister('dead')
    await registry.triggerAll(2)
    expect(heard).toEqual(['a 1', 'b 1', 'a 2', 'b 2'])
  })

  it('ends the waits of a key that is deregistered, with its name', async () => {
    const { registry } = setup('results of')
    const ended = registry.register('a').wait(() => true)
    const other = outcome(registry.register('b').wait(() => true))
    registry.deregister('a')
    await expect(ended).rejects.toThrow('results of a is closed')
    await settled()
    expect(other.said).toBe('waits')
    const unnamed = setup().registry
    const waiting = unnamed.register('a').wait(() => true)
    unnamed.deregister('a')
    await expect(waiting).rejects.toThrow('the callback a is closed')
  })

  it('gives no new waiter the stale result of an earlier use of the key', async () => {
    const { registry } = setup()
    await registry.register('a').set(1)
    registry.deregister('a')
    const waiting = outcome(registry.register('a').wait(() => true))
    await settled()
    expect(waiting.said).toBe('waits')
  })

  it('tells every callback also when one of them is full, and throws that afterwards', async () => {
    const { registry, faults } = setup()
    const heard: number[] = []
    const slow = { capacity: 1, overflow: 'reject' } as const
    registry.register('full').onNextAsync(() => new Promise(() => undefined), slow)
    registry.register('a').onNext(value => heard.push(value))
    await registry.triggerAll(1)
    await settled()
    await registry.triggerAll(2)
    await expect(registry.triggerAll(3)).rejects.toMatchObject({ code: 'EXO_MAILBOX_FULL' })
    await expect(registry.trigger('full', 4)).rejects.toMatchObject({ code: 'EXO_MAILBOX_FULL' })
    expect(heard).toEqual([1, 2, 3])
    expect(faults).toHaveLength(2)
  })

  it('makes no unhandled rejection of what nobody awaits', async () => {
    const unhandled: unknown[] = []
    const note = (error: unknown) => unhandled.push(error)
    process.on('unhandledRejection', note)
    const { registry, faults } = setup()
    const slow = { capacity: 1, overflow: 'reject' } as const
    for (const key of ['a', 'b']) registry.register(key).onNextAsync(() => new Promise(() => undefined), slow)
    for (let value = 0; value < 3; value += 1) void registry.triggerAll(value)
    void registry.trigger('a', 3)
    await settled()
    process.off('unhandledRejection', note)
    expect(faults).toHaveLength(5)
    expect(unhandled).toEqual([])
  })
})
