import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app/app.tsx'
import { applyTheme, storedTheme } from './app/theme.ts'
import { Connection } from './live/connection.ts'
import { LiveContext } from './live/live-context.ts'
import { LiveState } from './live/live-state.ts'
import { takeToken } from './live/token.ts'

applyTheme(storedTheme())
const state = new LiveState()
const connection = new Connection(state, takeToken())
connection.open()

const place = document.getElementById('console')
if (place)
  createRoot(place).render(
    <StrictMode>
      <LiveContext value={{ state, connection }}>
        <App />
      </LiveContext>
    </StrictMode>,
  )
