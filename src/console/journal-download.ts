import type { ServerResponse } from 'node:http'
import { journalFile } from '../observe/view/journal-file.ts'
import type { RuntimeView } from '../observe/view/runtime-view.ts'
import { ResponseWriter } from './json-answers.ts'

const LINES_A_TURN = 200

/** Answers `GET /journal`: the journal as a file, written part by part. */
export async function answerJournal(
  response: ServerResponse,
  view: RuntimeView,
  node: string,
): Promise<void> {
  const time = view.now()
  const moment = new Date(time).toISOString().replaceAll(/[:.]/g, '-')
  const name = `exovisor-${node.replaceAll(/[^\w.-]/g, '_')}-${moment}.jsonl`
  response.writeHead(200, {
    'content-type': 'application/x-ndjson; charset=utf-8',
    'content-disposition': `attachment; filename="${name}"`,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  const writer = new ResponseWriter(response)
  let part = ''
  let lines = 0
  for (const line of journalFile(view.journal.all(), { node, time })) {
    part += line
    lines += 1
    if (lines % LINES_A_TURN > 0) continue
    await writer.write(part)
    if (writer.isGone) return
    part = ''
    await new Promise<void>(resolve => view.clock.nextTurn(resolve))
  }
  response.end(part)
}
