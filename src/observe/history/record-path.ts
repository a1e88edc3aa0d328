import { pathOf } from '../../resources/registry-path.ts'
import type { SupervisionRecord } from '../../supervision/types.ts'

/** The path of the resource that a record is about; of a summary that of its supervisor. */
export const pathOfRecord = (record: SupervisionRecord): string =>
  record.type === 'summary' ? record.supervisor : pathOf(record.supervisor, record.name)
