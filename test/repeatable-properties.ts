import fc from 'fast-check'
import { beforeEach } from 'vitest'

/** The same examples at each run, so that a mutant that was killed once is killed again; and few, since a run is repeated for each mutant. */
fc.configureGlobal({ seed: 20_240, interruptAfterTimeLimit: 1_000 })

/** What costs seconds: large amounts, and what other tests say of fewer worlds or scripts. */
const LONG =
  /\b(1000 and 2000|a thousand children that|by the million|a hundred thousand|ten thousand tasks|20,000 children|repeats itself exactly|as cheaply among|100,000 remembered|\d+ seeds from|come in every kind|differ from seed to seed)\b/

beforeEach(({ task, skip }) => skip(LONG.test(task.name)))
