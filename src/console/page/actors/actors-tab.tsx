import { useEffect, useState } from 'react'
import { goTo, hrefOf, useRoute } from '../app/route.ts'
import { plural } from '../app/units.ts'
import { useNow } from '../app/use-now.ts'
import { useLive } from '../live/live-context.ts'
import { ActorDetail } from './actor-detail.tsx'
import { TreeFilter } from './tree-filter.tsx'
import { TreePane } from './tree-pane.tsx'
import { useTree } from './use-tree.ts'

/** The supervision tree, and the actor that is chosen in it. */
export function ActorsTab() {
  const { state, connection, version } = useLive('rows')
  const { path } = useRoute()
  const now = useNow()
  const tree = useTree(state.rows, version)
  const [compared, setCompared] = useState<readonly string[]>([])
  useEffect(() => {
    const watched = [...new Set([...(path === undefined ? [] : [path]), ...compared])]
    connection.watch(watched.slice(0, 16))
  }, [connection, path, compared])
  useEffect(() => () => connection.watch([]), [connection])
  return (
    <div className={`split${path === undefined ? '' : ' has-detail'}`}>
      <section className="pane" aria-label="Supervision tree">
        <TreeFilter
          search={tree.search}
          chosen={tree.chosen}
          counts={tree.counts}
          onSearch={tree.setSearch}
          onChoose={tree.setChosen}
        />
        {state.complete ? (
          <TreePane
            lines={tree.lines}
            selected={path}
            now={now}
            label="Supervision tree"
            onSelect={chosen => goTo('actors', chosen)}
            onToggle={tree.toggle}
          />
        ) : (
          <p className="empty">Waiting for the tree…</p>
        )}
        <p className="pane-foot dim" role="status">
          {tree.lines.length === state.rows.size
            ? plural(state.rows.size, 'resource')
            : `${tree.lines.length.toLocaleString('en')} of ${plural(state.rows.size, 'resource')} shown`}
        </p>
      </section>
      <section className="pane detail-pane" aria-label="Chosen actor">
        {path === undefined ? (
          <p className="empty">
            Choose a resource to see its statechart, its restarts, its messages and its errors.
          </p>
        ) : (
          <>
            <a className="back" href={hrefOf('actors')}>
              ← All actors
            </a>
            <ActorDetail key={path} path={path} now={now} compared={compared} onCompare={setCompared} />
          </>
        )}
      </section>
    </div>
  )
}
