import { processResource } from '../../../src/resources/process/process-resource.ts'
import { supervise } from '../../../src/supervision/supervise.ts'

/** A supervisor in a process of its own, which tells who its child is. */
const worker = new URL('./worker.ts', import.meta.url).pathname
const root = await supervise({
  children: [{ id: 'worker', resource: processResource as never, input: { args: [worker] } }],
})
const { pid } = await root.ref(processResource, 'worker').ready()
process.stdout.write(`${pid}\n`)
