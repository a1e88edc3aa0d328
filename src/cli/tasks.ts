import { Command } from 'commander'
import { askNode } from '../observe/control/ask-node.ts'
import { type NodeTasks, nodeTasks } from '../observe/control/tasks-answer.ts'
import { writeJsonLine } from './json-lines.ts'
import { type AddressOptions, addressOf, withAddress } from './node-address.ts'
import { tasksTable } from './tasks-table.ts'

interface ListOptions extends AddressOptions {
  readonly json?: boolean
}

/** `exovisor tasks`: what a running node does in the background. */
export function tasksCommand(): Command {
  return new Command('tasks')
    .description('show the background tasks of a node that runs on this machine')
    .addCommand(listCommand())
}

/**
 * With `--json` one line: `{ "node", "pid", "memory": { "rss", "heap" }, "handles": { "Timeout": 3 }, "owners": [{ "owner", "tasks",
 * "memory"? }], "tasks": [{ "id", "name", "owner", "state", "seconds", "parent"? }] }`; memory in bytes.
 */
function listCommand(): Command {
  return withAddress(
    new Command('list').description('list each task with its owner, its state and since when it runs'),
  )
    .option('--json', 'write the result as JSON')
    .action(async ({ json, ...address }: ListOptions) => {
      const tasks: NodeTasks = nodeTasks.parse(await askNode(addressOf(address), 'tasks.list'))
      if (json === true) writeJsonLine(process.stdout, tasks)
      else process.stdout.write(tasksTable(tasks))
    })
}
