import type { Invariant } from './invariant.ts'

export const reloads: readonly Invariant[] = [
  {
    name: 'reload-lets-run',
    promise:
      'a reload lets every child run on, takes none away, and adds those that are new without starting them',
    reloads({ branch, isTaken, given, before, after }) {
      if (!isTaken) return undefined
      for (const { id, life } of before) {
        const now = after.find(child => child.id === id)
        if (now?.life !== life)
          return `${id} was ${life} before a reload of ${branch.id}, and is ${now?.life} then`
      }
      const added = after.filter(({ id }) => !before.some(child => child.id === id))
      const wrong = added.find(({ id, life }) => !given.includes(id) || !life.startsWith('#0 UNINITIALIZED'))
      if (wrong) return `a reload of ${branch.id} brought ${wrong.id} ${wrong.life}`
      const missing = given.find(id => !after.some(child => child.id === id))
      return missing && `a reload of ${branch.id} did not bring ${missing}`
    },
  },
  {
    name: 'reload-all-or-nothing',
    promise: 'a reload that is refused has changed nothing',
    reloads({ branch, isTaken, before, after }) {
      if (isTaken || JSON.stringify(before) === JSON.stringify(after)) return undefined
      return `a reload of ${branch.id} was refused, and has changed ${JSON.stringify(before)} to ${JSON.stringify(after)}`
    },
  },
]
