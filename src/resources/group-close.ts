import type { Member } from './group-member.ts'
import { Wave } from './group-wave.ts'

/**
 * Closes the resources of a group: first, all at once, those that still start, because nothing depends on them yet; then the others
 * in reverse, each after those that depend on it.
 *
 * @param close must not reject
 */
export async function closeMembers(
  members: readonly Member[],
  limit: number,
  close: (member: Member) => Promise<void>,
): Promise<void> {
  const dependants = new Map<string, Member[]>()
  for (const member of members) {
    for (const name of member.dependsOn) dependants.set(name, [...(dependants.get(name) ?? []), member])
  }
  const starting = members.filter(({ resource }) => resource.state === 'INITIALIZING')
  await Promise.all(starting.map(close))
  const others = members.filter(member => !starting.includes(member)).reverse()
  const isClosed = ({ resource }: Member): boolean => resource.state === 'CLOSED'
  await new Wave(others, {
    limit,
    isFree: ({ name }) => (dependants.get(name) ?? []).every(isClosed),
    run: close,
  }).run()
}
