import { answerPings } from '../../../src/resources/process/answer-pings.ts'

answerPings()
if (process.argv.includes('deaf')) process.on('SIGTERM', () => undefined)

process.on('message', message => {
  if (typeof message !== 'object' || message === null || !('do' in message)) return
  if (message.do === 'loop') for (;;);
  if (message.do === 'end') process.exit('code' in message ? Number(message.code) : 0)
  if (message.do === 'echo') process.send?.(message)
})
