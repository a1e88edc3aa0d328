import { type ChangeEvent, useRef, useState } from 'react'
import { parseJournalFile } from '../../../observe/view/journal-file.ts'
import type { JournalLine } from '../../../observe/view/messages.ts'
import { plural } from '../app/units.ts'
import { useLive } from '../live/live-context.ts'

export interface LoadedJournal {
  readonly name: string
  readonly lines: readonly JournalLine[]
}

interface JournalSourceProps {
  readonly loaded: LoadedJournal | undefined
  onLoad(journal: LoadedJournal | undefined): void
}

/** Whose journal is shown: that of the node, or one out of a file. Saves the one of the node. */
export function JournalSource({ loaded, onLoad }: JournalSourceProps) {
  const { connection, state } = useLive('link')
  const field = useRef<HTMLInputElement>(null)
  const [fault, setFault] = useState<string>()
  const load = async ({ target }: ChangeEvent<HTMLInputElement>) => {
    const [file] = target.files ?? []
    if (!file) return
    try {
      onLoad({ name: file.name, lines: parseJournalFile(await file.text()).lines })
      setFault(undefined)
    } catch (error) {
      setFault(`${file.name} was not loaded: ${(error as Error).message}`)
    }
    // So that the same file can be chosen again after it was mended.
    target.value = ''
  }
  const node = state.hello?.node.name ?? 'the node'
  const save = async () => {
    try {
      const response = await connection.request('journal')
      if (!response.ok) throw new Error(`the node answered with ${response.status}`)
      download(await response.blob(), `${node}.journal.jsonl`)
      setFault(undefined)
    } catch (error) {
      setFault(`The journal was not saved: ${(error as Error).message}`)
    }
  }
  return (
    <div className="journal-source">
      <SourceName loaded={loaded} node={node} dropped={state.dropped} />
      <div className="buttons">
        {loaded && (
          <button type="button" onClick={() => onLoad(undefined)}>
            Back to the node
          </button>
        )}
        <button type="button" onClick={() => field.current?.click()}>
          Load a file…
        </button>
        <button type="button" onClick={() => void save()}>
          Save the journal
        </button>
        <input
          ref={field}
          type="file"
          hidden
          accept=".jsonl,.json,.txt"
          onChange={event => void load(event)}
          aria-label="Journal file"
        />
      </div>
      {fault && (
        <p role="alert" className="refusal">
          {fault}
        </p>
      )}
    </div>
  )
}

interface SourceNameProps {
  readonly loaded: LoadedJournal | undefined
  readonly node: string
  readonly dropped: number
}

function SourceName({ loaded, node, dropped }: SourceNameProps) {
  if (loaded)
    return (
      <p>
        <strong>{loaded.name}</strong>{' '}
        <span className="dim">{plural(loaded.lines.length, 'line')}, from a file</span>
      </p>
    )
  return (
    <p>
      <strong>Journal of {node}</strong>
      {dropped > 0 && (
        <span className="dim"> {plural(dropped, 'line')} left out: this page was too slow</span>
      )}
    </p>
  )
}

function download(blob: Blob, name: string): void {
  const address = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
  URL.revokeObjectURL(address)
}
