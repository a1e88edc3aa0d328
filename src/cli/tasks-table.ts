import type { NodeTasks } from '../observe/control/tasks-answer.ts'

type Task = NodeTasks['tasks'][number]

const MINUTE = 60
const HOUR = 3_600
const MEBIBYTE = 2 ** 20

/** A time that a person grasps: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`. */
function age(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  const whole = Math.floor(seconds)
  if (whole < MINUTE) return `${whole} s`
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)} min ${whole % MINUTE} s`
  return `${Math.floor(whole / HOUR)} h ${Math.floor((whole % HOUR) / MINUTE)} min`
}

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

/** Columns as wide as what stands in them. */
function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  return rows
    .map(row =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** The answer to `tasks.list` for people. */
export function tasksTable({ node, pid, memory, handles, owners, tasks }: NodeTasks): string {
  const rows = inTree(tasks).map(({ task, depth }) => [
    `${'  '.repeat(depth)}${task.name}`,
    task.owner,
    task.state,
    age(task.seconds),
  ])
  const processes = owners.flatMap(owner => (usage(owner) ? [`${owner.owner} ${usage(owner)}`] : []))
  const open = Object.entries(handles).map(([name, count]) => `${count} ${name}`)
  return [
    `node ${node}, process ${pid}: ${tasks.length} tasks, ${megabytes(memory.rss)} resident, ${megabytes(memory.heap)} heap`,
    ...(processes.length > 0 ? [`processes of its resources: ${processes.join(', ')}`] : []),
    `open handles: ${open.length > 0 ? open.join(', ') : 'none'}`,
    '',
    rows.length > 0 ? columns([['TASK', 'OWNER', 'STATE', 'AGE'], ...rows]) : 'no background tasks',
    '',
  ].join('\n')
}
