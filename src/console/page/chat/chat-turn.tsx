import { Fragment } from 'react'
import { duration } from '../app/units.ts'
import { layerText } from '../cluster/layers.ts'
import { type ChatPlacement, type ChatTurn, speedOf } from './chat-session.ts'

/** A question, its answer token by token, and what the answer came through. */
export function ChatTurnView({ turn }: { readonly turn: ChatTurn }) {
  const { tokens, placements, state, error } = turn
  const parts = codeParts(tokens)
  const byEpoch = new Map(placements.map(placement => [placement.epoch, placement]))
  return (
    <article className="turn">
      <h2 className="question">
        <span className="unseen">You: </span>
        {turn.question}
      </h2>
      <p className="answer" aria-busy={state === 'running'}>
        {tokens.map((token, index) => {
          const placement = byEpoch.get(token.epoch)
          const isFirst = index > 0 && tokens[index - 1]?.epoch !== token.epoch
          return (
            <Fragment key={token.position}>
              {isFirst && placement?.failover && <FailoverMark placement={placement} />}
              <span className="token" title={`token ${index + 1} · ${wayOf(placement)}`}>
                <TokenText parts={parts[index] ?? []} />
              </span>
            </Fragment>
          )
        })}
        {state === 'running' && <span className="caret" aria-hidden="true" />}
      </p>
      {error && (
        <p role="alert" className="refusal">
          <code>{error.code}</code> {error.message}
        </p>
      )}
      {placements.map((placement, index) => (
        <Way
          key={placement.epoch}
          placement={placement}
          from={placement.since + 1}
          to={placements[index + 1]?.since ?? tokens.length}
          isLive={state === 'running' && index === placements.length - 1}
        />
      ))}
      <TurnFigures turn={turn} />
    </article>
  )
}

interface TextPart {
  readonly text: string
  readonly isCode: boolean
}

/** The text of each token, told apart by whether it stands between backticks: those may open in one token and close in another. */
function codeParts(tokens: ChatTurn['tokens']): TextPart[][] {
  let isCode = false
  return tokens.map(({ text }) =>
    text.split('`').flatMap((part, index) => {
      if (index > 0) isCode = !isCode
      return part === '' ? [] : [{ text: part, isCode }]
    }),
  )
}

function TokenText({ parts }: { readonly parts: readonly TextPart[] }) {
  return parts.map(({ text, isCode }, index) =>
    // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a token stay as they are
    isCode ? <code key={index}>{text}</code> : text,
  )
}

function wayOf(placement: ChatPlacement | undefined): string {
  if (!placement || placement.stages.length === 0) return 'way unknown'
  return placement.stages.map(({ node, layers }) => `${node} ${layerText(layers)}`).join(' → ')
}

function FailoverMark({ placement }: { readonly placement: ChatPlacement }) {
  const { failover, epoch } = placement
  return (
    <span className="failover-mark" title={failover?.reason}>
      fail-over to epoch {epoch}, {duration(failover?.gapMs ?? 0)}
    </span>
  )
}

interface WayProps {
  readonly placement: ChatPlacement
  readonly from: number
  readonly to: number
  readonly isLive: boolean
}

/** The stages that a part of an answer came through. */
function Way({ placement, from, to, isLive }: WayProps) {
  const { epoch, stages, failover } = placement
  return (
    <div className={`way${isLive ? ' live' : ''}`}>
      {failover && (
        <p className="failover">
          <strong>Fail-over</strong> after {duration(failover.gapMs)}: {failover.reason}
        </p>
      )}
      <p className="dim number">
        epoch {epoch} · {to >= from ? `tokens ${from}–${to}` : 'no token yet'}
      </p>
      <ol aria-label={`Stages of epoch ${epoch}`}>
        {stages.map(stage => (
          <li key={`${stage.node}:${stage.layers[0]}`} className="stage">
            <strong>{stage.node}</strong> <span className="number">layers {layerText(stage.layers)}</span>{' '}
            <span className="dim number">engine {stage.enginePid}</span>
          </li>
        ))}
      </ol>
    </div>
  )
}

const endings = { running: 'answering…', done: '', stopped: 'stopped', failed: 'failed' }

function TurnFigures({ turn }: { readonly turn: ChatTurn }) {
  const speed = speedOf(turn)
  const seen = turn.firstTokenAt === undefined ? undefined : turn.firstTokenAt - turn.startedAt
  const first = turn.stats?.ttftMs ?? seen
  const parts = [
    endings[turn.state],
    `${turn.tokens.length} tokens`,
    speed !== undefined && `${speed.toFixed(1)} tokens/s`,
    first !== undefined && `first after ${duration(first)}`,
    turn.finishReason === 'length' && 'cut at the longest length',
  ]
  return <p className="turn-figures dim number">{parts.filter(Boolean).join(' · ')}</p>
}
