// Measures one engine in this process: node test/bench/engine-speed.ts [MODEL_DIR] [direct|stock]
// Without a directory it makes a random model of 28 million parameters. Figures are medians; beside the time on the
// clock stands the CPU time of the process, which is the one to trust on a busy machine.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadOnnxCompute } from '../../src/engine/onnx-compute.ts'
import { stockRunner } from '../../src/engine/ort-runner.ts'
import type { ShardCompute } from '../../src/engine/shard.ts'
import { warmUp } from '../../src/engine/warm-up.ts'
import { loadModel } from '../../src/models/load.ts'
import { smallSizes, writeRandomLlama } from '../engine/random-llama.ts'
import { seededIds } from '../engine/seeded-numbers.ts'
import { specOf } from '../engine/shard-chain.ts'

interface Figures {
  readonly ms: number
  readonly cpuMs: number
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!

async function measure(times: number, run: (index: number) => unknown): Promise<Figures> {
  const ms: number[] = []
  const cpuMs: number[] = []
  for (let index = 0; index < times; index++) {
    const cpu = process.cpuUsage()
    const start = performance.now()
    await run(index)
    ms.push(performance.now() - start)
    const { user, system } = process.cpuUsage(cpu)
    cpuMs.push((user + system) / 1_000)
  }
  return { ms: median(ms), cpuMs: median(cpuMs) }
}

const row = (step: string, { ms, cpuMs }: Figures) => ({
  step,
  ms: ms.toFixed(3),
  'CPU ms': cpuMs.toFixed(3),
})

async function steps(compute: ShardCompute, context: number) {
  const ids = Int32Array.from(seededIds(1, context, compute.vocabSize))
  const slots = [0, 1, 2, 3].map(() => compute.acquire())
  const fill = (slot: number, length: number) =>
    compute.forward(slot, 0, ids.subarray(0, length), length, false)
  const rows = [row('prefill 128', await measure(9, () => fill(0, 128)))]
  for (const length of [32, 256, context - 64]) {
    await fill(0, length)
    const decode = await measure(60, index =>
      compute.forward(0, length + index, ids.subarray(index, index + 1), 1, true),
    )
    rows.push(row(`decode at ${length}`, decode))
  }
  for (const slot of slots) await fill(slot, 128)
  for (const batch of [1, 2, 4]) {
    const [chosen, positions] = [slots.slice(0, batch), slots.slice(0, batch).map(() => 128)]
    rows.push(
      row(
        `decode batch of ${batch} at 128`,
        await measure(60, () => compute.decodeBatch(chosen, positions, ids.subarray(0, batch))),
      ),
    )
  }
  return rows
}

const [given, kind] = process.argv.slice(2)
const scratch = mkdtempSync(join(tmpdir(), 'exovisor-bench-'))
try {
  const model = await loadModel(given ?? writeRandomLlama(scratch, smallSizes))
  const spec = specOf(model, { context: Math.min(512, model.config.contextLength) })
  const start = performance.now()
  const compute = await loadOnnxCompute(model, spec, kind === 'stock' ? { runner: stockRunner } : {})
  await warmUp(compute, spec)
  console.log(`loaded and warm after ${(performance.now() - start).toFixed(0)} ms`)
  console.table(await steps(compute, spec.context))
  console.log(`${(process.memoryUsage().rss / 1e6).toFixed(0)} MB resident`)
  await compute.dispose()
} finally {
  rmSync(scratch, { recursive: true })
}
