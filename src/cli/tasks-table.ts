import type { NodeTasks } from '../observe/control/tasks-answer.ts'
import { spanText } from '../observe/span-text.ts'
import { table } from './table.ts'

type Task = NodeTasks['tasks'][number]

const MEBIBYTE = 2 ** 20

/** What a process of its own takes up, in words; empty where nobody tells. */
function usage({ memory, handles }: NodeTasks['owners'][number]): string {
  return [
    ...(memory === undefined ? [] : [megabytes(memory)]),
    ...(handles === undefined ? [] : [`${handles} handles`]),
  ].join(' and ')
}

const megabytes = (bytes: number): string => `${Math.round(bytes / MEBIBYTE)} MiB`

/** Tasks in the order of a tree: each after the one that began it, indented. */
function inTree(tasks: readonly Task[]): readonly { readonly task: Task; readonly depth: number }[] {
  const ids = new Set(tasks.map(({ id }) => id))
  const children = new Map<number | undefined, Task[]>()
  for (const task of tasks) {
    const parent = task.parent !== undefined && ids.has(task.parent) ? task.parent : undefined
    const siblings = children.get(parent)
    if (siblings) siblings.push(task)
    else children.set(parent, [task])
  }
  const below = (parent: number | undefined, depth: number): { task: Task; depth: number }[] =>
    (children.get(parent) ?? []).flatMap(task => [{ task, depth }, ...below(task.id, depth + 1)])
  return below(undefined, 0)
}

/** The answer to `tasks.list` for people. */
export function tasksTable({ node, pid, memory, handles, owners, tasks }: NodeTasks): string {
  const rows = inTree(tasks).map(({ task, depth }) => [
    `${'  '.repeat(depth)}${task.name}`,
    task.owner,
    task.state,
    spanText(task.seconds * 1_000),
  ])
  const processes = owners.flatMap(owner => (usage(owner) ? [`${owner.owner} ${usage(owner)}`] : []))
  const open = Object.entries(handles).map(([name, count]) => `${count} ${name}`)
  return [
    `node ${node}, process ${pid}: ${tasks.length} tasks, ${megabytes(memory.rss)} resident, ${megabytes(memory.heap)} heap`,
    ...(processes.length > 0 ? [`processes of its resources: ${processes.join(', ')}`] : []),
    `open handles: ${open.length > 0 ? open.join(', ') : 'none'}`,
    '',
    rows.length > 0 ? table([['TASK', 'OWNER', 'STATE', 'AGE'], ...rows]) : 'no background tasks',
    '',
  ].join('\n')
}
