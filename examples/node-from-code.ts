/**
 * The node from code: spawn it, ask it something, watch its engine.
 *
 *     node --conditions=source examples/node-from-code.ts
 */
import { spawnNode } from 'exovisor'

await using node = await spawnNode({ flags: { 'api.port': 0, 'discovery.udp.enabled': false } })
await node.ready()

const engine = node.ref('inference')
engine.subscribe(({ state, incarnation }) => console.log(`\n[inference#${incarnation} is ${state}]`))

for await (const token of node.generate({ prompt: 'What is a supervisor?' })) process.stdout.write(token.text)
console.log(`\n${node.api} serves ${node.model.name}; the engine is ${engine.state}`)
