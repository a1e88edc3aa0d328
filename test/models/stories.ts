import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

interface StoryCase {
  readonly prompt: string
  readonly prompt_ids: readonly number[]
  readonly generated_ids: readonly number[]
  readonly text: string
  readonly continuation: string
  readonly decoded_generated: string
}

interface Stories {
  readonly cases: readonly StoryCase[]
  readonly tokenizer_cases: readonly { readonly text: string; readonly ids: readonly number[] }[]
}

/** A trained model with results by another program; it lies beside a checkout of the repository, not in it. */
export const storiesDirectory = fileURLToPath(new URL('../../../shared/models/stories260k', import.meta.url))

export const hasStories = existsSync(`${storiesDirectory}/expected.json`)

export const stories: Stories = hasStories
  ? JSON.parse(readFileSync(`${storiesDirectory}/expected.json`, 'utf8'))
  : { cases: [], tokenizer_cases: [] }
