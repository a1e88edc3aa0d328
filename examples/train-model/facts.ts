// Prints the facts that the built-in model is taught: node --conditions=source examples/train-model/facts.ts
import { extractFacts } from './extract-facts.ts'

process.stdout.write(`${JSON.stringify(extractFacts(), null, 2)}\n`)
