import { type FormEvent, type KeyboardEvent, useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { useLive } from '../live/live-context.ts'
import { chatSession } from './chat-session.ts'
import { ChatTurnView } from './chat-turn.tsx'

const SUGGESTIONS = [
  'What is a supervisor?',
  'What happens to a DEGRADED peer?',
  'How do I restart a resource?',
]

/** A conversation with the model of the node. */
export function ChatTab() {
  const { state, connection } = useLive('link')
  const turns = useSyncExternalStore(chatSession.subscribe, chatSession.snapshot)
  const end = useRef<HTMLDivElement>(null)
  const ask = (question: string) => void chatSession.ask(connection, question)
  const length = turns.at(-1)?.tokens.length
  useEffect(() => {
    void length
    end.current?.scrollIntoView({ block: 'end' })
  }, [length])
  return (
    <div className="chat">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard */}
      <section className="chat-turns" aria-label="Conversation" tabIndex={0}>
        {turns.length === 0 && (
          <div className="chat-begin">
            <h2>Ask {state.hello?.model?.name ?? 'the model'} something</h2>
            <p className="dim">Each answer shows which nodes and layers its tokens came through.</p>
            <ul>
              {SUGGESTIONS.map(question => (
                <li key={question}>
                  <button type="button" onClick={() => ask(question)}>
                    {question}
                  </button>
                </li>
              ))}
            </ul>
          </div>
        )}
        {turns.map(turn => (
          <ChatTurnView key={turn.id} turn={turn} />
        ))}
        <div ref={end} />
      </section>
      <Composer onAsk={ask} isRunning={chatSession.isRunning} hasTurns={turns.length > 0} />
    </div>
  )
}

interface ComposerProps {
  readonly isRunning: boolean
  readonly hasTurns: boolean
  onAsk(question: string): void
}

function Composer({ isRunning, hasTurns, onAsk }: ComposerProps) {
  const [text, setText] = useState('')
  const submit = (event?: FormEvent) => {
    event?.preventDefault()
    const question = text.trim()
    if (question === '' || isRunning) return
    setText('')
    onAsk(question)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing) {
      event.preventDefault()
      submit()
    }
  }
  return (
    <form className="composer" onSubmit={submit}>
      <label className="composer-field">
        <span className="unseen">Your question</span>
        <textarea
          rows={1}
          value={text}
          placeholder="Ask…"
          onChange={event => setText(event.target.value)}
          onKeyDown={onKeyDown}
        />
      </label>
      {isRunning ? (
        <button type="button" className="harmful" onClick={() => chatSession.stop()}>
          Stop
        </button>
      ) : (
        <button type="submit" className="solid" disabled={text.trim() === ''}>
          Ask
        </button>
      )}
      {hasTurns && (
        <button type="button" className="quiet" onClick={() => chatSession.clear()}>
          Clear
        </button>
      )}
    </form>
  )
}
