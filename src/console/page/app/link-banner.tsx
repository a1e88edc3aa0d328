import { type FormEvent, useEffect, useState } from 'react'
import { useLive } from '../live/live-context.ts'
import { tokenIn } from '../live/token.ts'

/** Says plainly when what is shown is not what is: lost, refused, or of another version. */
export function LinkBanner() {
  const { connection, state } = useLive('link')
  const { link } = connection
  if (link.kind === 'open') return <div role="status" className="unseen" />
  if (link.kind === 'refused' || link.kind === 'no_token')
    return <TokenForm refused={link.kind === 'refused'} />
  if (link.kind === 'other_version')
    return (
      <div role="alert" className="banner bad">
        <p>The node speaks another version than this page.</p>
        <button type="button" onClick={() => location.reload()}>
          Load the page again
        </button>
      </div>
    )
  if (link.kind === 'connecting' && !state.hello)
    return (
      <div role="status" className="banner">
        <p>Connecting…</p>
      </div>
    )
  return (
    <div role="status" className="banner bad">
      <p>
        <strong>Disconnected.</strong> What you see is what the node told last.{' '}
        {link.kind === 'lost' ? <Countdown at={link.at} /> : 'Trying…'}
      </p>
      <button type="button" onClick={() => connection.open()}>
        Try now
      </button>
    </div>
  )
}

function Countdown({ at }: { readonly at: number }) {
  const [, again] = useState(0)
  useEffect(() => {
    const timer = setInterval(() => again(count => count + 1), 500)
    return () => clearInterval(timer)
  }, [])
  return <span aria-hidden="true">Next try in {Math.max(0, Math.ceil((at - Date.now()) / 1_000))} s.</span>
}

function TokenForm({ refused }: { readonly refused: boolean }) {
  const { connection } = useLive('link')
  const [text, setText] = useState('')
  const [wrong, setWrong] = useState(false)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const token = tokenIn(text)
    setWrong(token === undefined)
    if (token !== undefined) connection.takeToken(token)
  }
  return (
    <form className="banner bad token-form" onSubmit={submit}>
      <p role="alert">
        <strong>{refused ? 'The node refused the token.' : 'The address has no token.'}</strong> A node makes
        a new one at each start; <code>exovisor console</code> prints the address with it.
      </p>
      <label>
        <span className="unseen">Address or token</span>
        <input
          value={text}
          onChange={event => setText(event.target.value)}
          placeholder="http://127.0.0.1:52417/#token=…"
          autoComplete="off"
          spellCheck={false}
          aria-invalid={wrong}
        />
      </label>
      <button type="submit">Connect</button>
    </form>
  )
}
