import { useMemo, useState } from 'react'
import type { LifecycleState } from '../../../../machines/lifecycle.ts'
import type { ActorRow } from '../../../observe/view/messages.ts'
import { countStates, treeLines } from './actor-tree.ts'

/** What of a tree is shown, as the user has chosen it. @param version changes when rows have changed in place */
export function useTree(rows: ReadonlyMap<string, ActorRow>, version: unknown) {
  const [search, setSearch] = useState('')
  const [chosen, setChosen] = useState<ReadonlySet<LifecycleState>>(new Set())
  const [collapsed, setCollapsed] = useState<ReadonlySet<string>>(new Set())
  const lines = useMemo(() => {
    void version
    return treeLines(rows, { search, states: chosen, collapsed })
  }, [rows, version, search, chosen, collapsed])
  const counts = useMemo(() => {
    void version
    return countStates(rows.values())
  }, [rows, version])
  const toggle = (path: string, expanded: boolean) => {
    const next = new Set(collapsed)
    if (expanded) next.delete(path)
    else next.add(path)
    setCollapsed(next)
  }
  return { lines, counts, search, setSearch, chosen, setChosen, toggle }
}
