interface Landing {
  /** Where the API is reached, such as http://127.0.0.1:52415. */
  readonly url: string
  readonly needsKey: boolean
  readonly hasMetrics: boolean
  /** A model to show the example with. */
  readonly model: string
  readonly chat: boolean
}

/** What a person sees who opens the API's address: what this is, and a call that works. */
export function landingText({ url, needsKey, hasMetrics, model, chat }: Landing): string {
  const example = chat
    ? { model, messages: [{ role: 'user', content: 'Hello' }] }
    : { model, prompt: 'Once upon a time', max_tokens: 64 }
  const path = chat ? '/v1/chat/completions' : '/v1/completions'
  const lines = [
    'Exovisor: language models on your own machines, behind the OpenAI API.',
    '',
    'Ask:',
    `  curl ${url}${path} \\`,
    ...(needsKey ? ['    -H "authorization: Bearer $KEY" \\'] : []),
    "    -H 'content-type: application/json' \\",
    `    -d '${JSON.stringify(example)}'`,
    '',
    'Paths:',
    '  GET  /v1/models              the models',
    '  POST /v1/chat/completions    an answer to a chat, also as a stream',
    '  POST /v1/completions         the continuation of a text, also as a stream',
    '  GET  /livez                  whether the process runs',
    '  GET  /readyz                 whether it can answer, and if not, why not',
    ...(hasMetrics ? ['  GET  /metrics                numbers for Prometheus'] : []),
    '',
  ]
  return lines.join('\n')
}
