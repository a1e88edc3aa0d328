/**
 * One node, two restart policies, and what each does to an engine that is killed in the middle of an answer.
 *
 *     node --conditions=source examples/restart-policies/main.ts
 */
import { join } from 'node:path'
import { isExovisorError, type Node, spawnNode } from 'exovisor'

for (const policy of ['keep-going', 'let-it-die']) {
  console.log(`\n== ${policy}`)
  await using node = await spawnNode({ config: join(import.meta.dirname, `${policy}.yaml`) })
  await askAndKill(node)
  for (const { event } of node.journal.last(100))
    if (event.type !== 'summary' && event.name === 'inference')
      console.log(`  ${event.type} ${event.name}#${event.incarnation}`)
  console.log(`  the gRPC server is ${node.ref('server').state}`)
}

/** Kills the engine after the third token of the answer, then goes on reading. */
async function askAndKill(node: Node): Promise<void> {
  let tokens = 0
  try {
    for await (const event of node.events({
      prompt: 'A supervisor',
      maxTokens: 24,
      sampling: { temperature: 0 },
    })) {
      if (event.type === 'failover')
        process.stdout.write(` [killed, resumed after ${Math.round(event.gapMs)} ms] `)
      if (event.type !== 'token') continue
      process.stdout.write(event.text)
      tokens += 1
      if (tokens === 3) killEngine(node)
    }
    console.log('\n  the answer is complete')
  } catch (error) {
    if (!isExovisorError(error)) throw error
    console.log(`\n  the answer ended with ${error.code}: ${error.message}`)
  }
}

function killEngine(node: Node): void {
  const { pid } = node.ref('inference').client as { pid: number }
  process.kill(pid, 'SIGKILL')
}
