// Scores the built-in model on the real engine, and fails when the held-out scores are below what the README promises:
// node --conditions=source examples/train-model/score.ts [model directory]
import { readFileSync } from 'node:fs'
import { spawnNode } from '../../src/node.ts'

interface Question {
  readonly question: string
  /** Each must be in the answer, in any case; of a list one is enough. Without it the answer must be a refusal. */
  readonly mustContain?: readonly (string | readonly string[])[]
}

/** The least share of right answers. */
const promised: Readonly<Record<string, number>> = { 'heldout/questions': 0.85, 'heldout/unknown': 0.8 }

const refusal = "i don't know"

function isRight(answer: string, { mustContain = [refusal] }: Question): boolean {
  const text = answer.toLowerCase()
  return mustContain.every(wanted => [wanted].flat().some(one => text.includes(one.toLowerCase())))
}

function questionsOf(file: string): Question[] {
  const lines = readFileSync(new URL(file, import.meta.url), 'utf8').split('\n')
  return lines.filter(line => line.trim() !== '').map(line => JSON.parse(line) as Question)
}

await using node = await spawnNode({
  flags: {
    model: process.argv[2] ?? 'builtin',
    'api.enabled': false,
    'discovery.udp.enabled': false,
    'log.level': 'silent',
  },
})
await node.ready()

for (const file of ['dev/questions', 'dev/unknown', 'heldout/questions', 'heldout/unknown']) {
  const questions = questionsOf(`${file}.jsonl`)
  let right = 0
  let unfinished = 0
  for (const row of questions) {
    const answer = node.generate({ prompt: row.question, maxTokens: 90, sampling: { temperature: 0 } })
    let step = await answer.next()
    while (!step.done) step = await answer.next()
    if (step.value.finishReason !== 'stop') unfinished += 1
    if (isRight(step.value.text, row)) right += 1
  }
  console.log(`${file}: ${right} of ${questions.length}, ${unfinished} without an end`)
  if (right < (promised[file] ?? 0) * questions.length || unfinished > 0) process.exitCode = 1
}
