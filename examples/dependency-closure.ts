/**
 * Services that need each other: when one fails, it and all that need it start again, in order, and nobody else does.
 *
 *     node --conditions=source examples/dependency-closure.ts
 */
import { lifecycle } from 'exovisor/machines'
import { childSpec, defineResource, Registry, silentLog, supervise } from 'exovisor/runtime'

const service = defineResource<{ startsIn: number }, { readonly since: number }>({
  kind: 'service',
  machine: lifecycle,
  async initialize({ input, clock, signal }) {
    await new Promise<void>((done, fail) => {
      const timer = setTimeout(done, input.startsIn)
      signal.addEventListener('abort', () => {
        clearTimeout(timer)
        fail(signal.reason)
      })
    })
    return { since: clock.now() }
  },
})

/** All resources of the tree; it offers those that are READY, and no others. */
const registry = new Registry(silentLog)
const offered = () => registry.routable('service').map(({ name, incarnation }) => `${name}#${incarnation}`)
const told = new Set(['failed', 'child_terminated', 'started', 'ready', 'restarted'])

// `orders` and `search` both need the database and start beside each other; `metrics` needs nobody.
const database = childSpec({ id: 'database', resource: service, input: { startsIn: 40 } })
const orders = childSpec({
  id: 'orders',
  resource: service,
  input: { startsIn: 30 },
  dependsOn: ['database'],
})
const search = childSpec({
  id: 'search',
  resource: service,
  input: { startsIn: 10 },
  dependsOn: ['database'],
})
const shop = childSpec({
  id: 'shop',
  resource: service,
  input: { startsIn: 10 },
  dependsOn: ['orders', 'search'],
})
const metrics = childSpec({ id: 'metrics', resource: service, input: { startsIn: 0 } })

await using root = await supervise({
  strategy: 'dependency_closure',
  children: [shop, metrics, search, orders, database],
  policies: { default: { backoff: { initial: 20, jitter: 'none' } } },
  registry,
  onEvent({ type, name, incarnation, error }) {
    if (!told.has(type)) return
    console.log(`  ${type.padEnd(16)} ${name}#${incarnation} ${error?.message ?? ''}`)
    if (type === 'failed') console.log(`  offered now: ${offered().join(', ')}`)
  },
})
console.log(`all are READY; offered: ${offered().join(', ')}\n`)

console.log('the database breaks:')
root.ref('database').fail(new Error('its disk is full'))
// Callers wait on the same refs as before. The shop is READY last, since it starts after all that it needs.
await root.ref('database').ready({ timeout: 5_000 })
await root.ref('shop').ready({ timeout: 5_000 })

console.log(`\nall are READY again; offered: ${offered().join(', ')}`)
for (const { id, incarnation, restarts } of root.children())
  console.log(`  ${id.padEnd(8)} incarnation ${incarnation}, ${restarts} restarts`)
