import { stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { distance } from 'fastest-levenshtein'
import { ExovisorError } from '../errors.ts'

/** The name of the model that comes with the package. A directory of that name is reached as `./builtin`. */
export const builtinModel = 'builtin'

/** Beyond this many wrong letters a name is not taken for a misspelt `builtin`. */
const misspeltLetters = 3

/**
 * Finds the directory of a model.
 * @param nameOrPath `builtin`, or a path, relative to the working directory
 * @returns the absolute path of a directory; its content is not looked at
 * @throws EXO_MODEL_NOT_FOUND
 */
export async function resolveModel(nameOrPath: string): Promise<string> {
  const builtin = nameOrPath === builtinModel
  const directory = builtin ? fileURLToPath(new URL('./builtin', import.meta.url)) : resolve(nameOrPath)
  const found = await stat(directory).catch(() => undefined)
  if (found?.isDirectory()) return directory
  const fault = found === undefined ? 'there is nothing at' : 'not a directory:'
  const hint = distance(nameOrPath, builtinModel) <= misspeltLetters ? `did you mean ${builtinModel}?` : ''
  const expected = `expected ${builtinModel}, or the path of a directory with config.json`
  throw new ExovisorError(
    'EXO_MODEL_NOT_FOUND',
    `no model ${JSON.stringify(nameOrPath.slice(0, 256))}: ${fault} ${directory}; ${builtin ? 'the package is incomplete, install it again' : hint || expected}`,
    { details: { model: nameOrPath.slice(0, 256), directory } },
  )
}

/** How a model is called in lists and answers: `builtin`, or the name of its directory. */
export function modelName(nameOrPath: string, directory: string): string {
  return nameOrPath === builtinModel ? builtinModel : basename(directory)
}
