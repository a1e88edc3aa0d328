import { Command } from 'commander'
import { askNode } from '../observe/control/ask-node.ts'
import { controlDirectory } from '../observe/control/socket-path.ts'
import { type NodeTasks, nodeTasks } from '../observe/control/tasks-answer.ts'
import { writeJsonLine } from './json-lines.ts'
import { tasksTable } from './tasks-table.ts'

interface ListOptions {
  readonly node?: string
  readonly socket?: string
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
  return new Command('list')
    .description('list each task with its owner, its state and since when it runs')
    .option('--node <name>', 'the node to ask; needed when several run on this machine')
    .option('--socket <path>', 'the control socket to ask, in place of looking for it')
    .option('--json', 'write the result as JSON')
    .action(async ({ node, socket, json }: ListOptions) => {
      const address = {
        directory: controlDirectory(),
        ...(node !== undefined && { node }),
        ...(socket !== undefined && { socket }),
      }
      const tasks: NodeTasks = nodeTasks.parse(await askNode(address, 'tasks.list'))
      if (json === true) writeJsonLine(process.stdout, tasks)
      else process.stdout.write(tasksTable(tasks))
    })
}
