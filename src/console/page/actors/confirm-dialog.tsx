import { type FormEvent, useEffect, useId, useRef, useState } from 'react'

interface ConfirmDialogProps {
  readonly title: string
  readonly meaning: string
  readonly confirm: string
  readonly asksReason: boolean
  readonly harmful: boolean
  /** What is thrown is shown, and the dialog stays. */
  onConfirm(reason: string | undefined): Promise<void>
  onClose(): void
}

/** Asks before something is done. Escape leaves it. */
export function ConfirmDialog(props: ConfirmDialogProps) {
  const { title, meaning, confirm, asksReason, harmful, onConfirm, onClose } = props
  const dialog = useRef<HTMLDialogElement>(null)
  const id = useId()
  const [reason, setReason] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<{ readonly code?: string; readonly message: string }>()
  useEffect(() => {
    dialog.current?.showModal()
  }, [])
  const run = async () => {
    setBusy(true)
    setError(undefined)
    try {
      await onConfirm(reason.trim() || undefined)
      dialog.current?.close()
    } catch (thrown) {
      const { code, message } = thrown as { readonly code?: string; readonly message: string }
      setError({ message, ...(code !== undefined && { code }) })
    } finally {
      setBusy(false)
    }
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    void run()
  }
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={onClose}>
      <form onSubmit={submit}>
        <h2 id={id}>{title}</h2>
        <p>{meaning}</p>
        {asksReason && (
          <label>
            Reason
            <input
              value={reason}
              maxLength={500}
              placeholder="asked for in the console"
              onChange={event => setReason(event.target.value)}
            />
          </label>
        )}
        {error && (
          <p role="alert" className="refusal">
            {error.code && <code>{error.code}</code>} {error.message}
          </p>
        )}
        <div className="dialog-buttons">
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="submit" className={harmful ? 'harmful solid' : 'solid'} disabled={busy}>
            {confirm}
          </button>
        </div>
      </form>
    </dialog>
  )
}
