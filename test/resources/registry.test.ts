import { describe, expect, it } from 'vitest'
import type { LifecycleState } from '../../machines/lifecycle.ts'
import { silentLog } from '../../src/resources/log.ts'
import { Registry } from '../../src/resources/registry.ts'
import { isRoutable, pathOf, splitPath } from '../../src/resources/registry-path.ts'
import type { RegistryChange, RegistrySource } from '../../src/resources/registry-types.ts'
import type { ResourceRef } from '../../src/resources/types.ts'

/** A resource of which only the place and the state matter. */
function thing(parent: string, id: string, kind = 'thing', state: LifecycleState = 'READY') {
  let asked = 0
  const source = {
    parent,
    id,
    kind,
    state,
    suspended: false,
    ref: { kind, name: id } as unknown as ResourceRef<unknown, unknown>,
    entry() {
      asked += 1
      return {
        path: pathOf(parent, id),
        parent,
        kind,
        name: id,
        displayName: id,
        state: source.state,
        incarnation: 1,
        dependencies: [],
        since: 0,
        restarts: 0,
        suspended: source.suspended,
        routable: isRoutable(source),
      }
    },
    asked: () => asked,
  }
  return source satisfies RegistrySource
}

const names = (refs: readonly { readonly name: string }[]) => refs.map(({ name }) => name)

describe('a registry', () => {
  it('gives a resource by its path, also one with a slash in its id, and no two have the same path', () => {
    const registry = new Registry(silentLog)
    for (const [parent, id] of [
      ['', 'a'],
      ['a', 'b/c'],
      ['a/b', 'c'],
      ['a', 'b%2Fc'],
    ] as const)
      registry.register(thing(parent, id))
    expect(registry.list().map(({ path }) => path)).toEqual(['a', 'a/b%2Fc', 'a/b%252Fc', 'a/b/c'])
    for (const { path, parent, name } of registry.list()) {
      expect(registry.get(path)).toMatchObject({ parent, name })
      expect(splitPath(path)).toEqual({ parent, id: name })
    }
    registry.register(thing('a', '%'))
    expect(() => registry.get('a/%')).toThrow('did you mean "a/%25"?')
  })

  it('names the nearest path when there is none of that name', () => {
    const registry = new Registry(silentLog)
    expect(() => registry.get('x')).toThrow('the registry has no resource "x"; it is empty')
    registry.register(thing('', 'node'))
    for (const id of ['server', 'peer:attic']) registry.register(thing('node', id))
    const error = (path: string) => {
      try {
        return registry.get(path)
      } catch (thrown) {
        return thrown
      }
    }
    expect(error('node/sever')).toMatchObject({
      code: 'EXO_CHILD_UNKNOWN',
      message: 'the registry has no resource "node/sever", did you mean "node/server"?',
      details: { path: 'node/sever' },
    })
    expect(error('nod/server')).toMatchObject({ message: expect.stringContaining('did you mean "node"?') })
    expect(error('node/peer%3Aattic')).toMatchObject({
      message: expect.stringContaining('"node/peer:attic"'),
    })
  })

  it('offers only what is READY and not suspended, in the order in which it became so', () => {
    const registry = new Registry(silentLog)
    const [a, b, c] = ['a', 'b', 'c'].map(id => thing('node', id, 'peer', 'INITIALIZING'))
    if (!a || !b || !c) throw new Error('there are three')
    for (const source of [a, b, c]) registry.register(source)
    expect(registry.routable('peer')).toEqual([])
    for (const source of [c, a, b]) {
      source.state = 'READY'
      registry.changed(source)
    }
    expect(names(registry.routable('peer'))).toEqual(['c', 'a', 'b'])
    a.state = 'DEGRADED'
    expect(names(registry.routable('peer')), 'before it is told').toEqual(['c', 'b'])
    registry.changed(a)
    b.suspended = true
    registry.changed(b)
    expect(names(registry.routable('peer'))).toEqual(['c'])
    b.suspended = false
    registry.changed(b)
    registry.unregister(c)
    expect(names(registry.routable('peer'))).toEqual(['b'])
    a.state = 'READY'
    registry.changed(a)
    expect(names(registry.routable('peer'))).toEqual(['b', 'a'])
    expect(registry.routable('server')).toEqual([])
  })

  it('lists by kind, state and supervisor, no more than asked for, and makes no other entries', () => {
    const registry = new Registry(silentLog)
    const all = [
      thing('node', 'a', 'peer'),
      thing('node/peers', 'b', 'peer', 'ERROR'),
      thing('node', 'c', 'server'),
      thing('node/peers', 'd', 'peer'),
    ]
    for (const source of all) registry.register(source)
    const paths = (...of: Parameters<Registry['list']>) => registry.list(...of).map(({ path }) => path)
    expect(paths({ kind: 'peer' })).toEqual(['node/a', 'node/peers/b', 'node/peers/d'])
    expect(paths({ parent: 'node' })).toEqual(['node/a', 'node/c'])
    expect(paths({ kind: 'peer', state: 'READY' }, 1)).toEqual(['node/a'])
    expect(paths({ parent: 'nobody' })).toEqual([])
    expect(all.map(source => source.asked())).toEqual([3, 1, 1, 1])
    expect(registry.counts()).toEqual({ peer: { READY: 2, ERROR: 1 }, server: { READY: 1 } })
    expect(paths({}, 0)).toEqual([])
  })

  it('counts the messages that wait, by kind: all of them, and the most in one mailbox', () => {
    const registry = new Registry(silentLog)
    for (const [id, kind, mailbox] of [
      ['a', 'peer', 3],
      ['b', 'peer', 4],
      ['c', 'peer', 0],
      ['d', 'server', 0],
    ] as const) {
      const source = thing('node', id, kind)
      const ref = { ...source.ref, snapshot: () => ({ mailbox }) } as unknown as ResourceRef<unknown, unknown>
      registry.register({ ...source, ref })
    }
    expect(registry.mailboxes()).toEqual({
      peer: { waiting: 7, longest: 4 },
      server: { waiting: 0, longest: 0 },
    })
  })

  it('lets a successor take the path, and a predecessor that leaves late takes nothing away', () => {
    const registry = new Registry(silentLog)
    const seen: string[] = []
    registry.subscribe(({ type, entry }) => void seen.push(`${type} ${entry.kind}`))
    const old = thing('node', 'a', 'old')
    const leave = registry.register(old)
    registry.register(thing('node', 'a', 'new'))
    leave()
    registry.changed(old)
    expect(registry.get('node/a').kind).toBe('new')
    expect(registry.size).toBe(1)
    expect(registry.routable('old')).toEqual([])
    expect(seen).toEqual(['added old', 'removed old', 'added new'])
  })

  it('tells its subscribers what they asked for; one that throws harms nobody, and asks for nothing when none is there', () => {
    const logged: string[] = []
    const note = (_: object, message: string) => void logged.push(message)
    const registry = new Registry({ debug: note, info: note, warn: note, error: note })
    const quiet = thing('node', 'quiet')
    registry.register(quiet)
    registry.changed(quiet)
    expect(quiet.asked()).toBe(0)
    const heard: string[] = []
    const hear = (who: string) => (change: RegistryChange) =>
      void heard.push(`${who} ${change.type} ${change.entry.path} ${change.entry.state}`)
    registry.subscribe(() => {
      throw new Error('bad subscriber')
    })
    registry.subscribe(hear('peers'), { kind: 'peer' })
    const leave = registry.subscribe(hear('node'), { parent: 'node' })
    const peer = thing('node', 'p', 'peer', 'INITIALIZING')
    const unregister = registry.register(peer)
    registry.register(thing('other', 'x'))
    peer.state = 'READY'
    registry.changed(peer)
    leave()
    leave()
    unregister()
    unregister()
    expect(heard).toEqual([
      'peers added node/p INITIALIZING',
      'node added node/p INITIALIZING',
      'peers changed node/p READY',
      'node changed node/p READY',
      'peers removed node/p READY',
    ])
    expect(new Set(logged)).toEqual(new Set(['a subscriber of the registry threw']))
  })
})
