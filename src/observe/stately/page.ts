/** Where the picture comes from: the page that Stately hosts for inspectors. */
const pictureAddress = 'https://stately.ai/inspect'

/** The pages of others that may listen: those of Stately, wherever that page may lead. */
export const statelyOrigins: readonly string[] = ['https://stately.ai', 'https://editor.stately.ai']

/** The page that is served beside the websocket: it frames Stately's page and passes each message on to it. */
export const pageHtml = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Exovisor: Stately inspector</title>
<link rel="stylesheet" href="/page.css">
</head>
<body>
<header>
<strong>Stately inspector</strong>
<span id="state" role="status">loading the picture from stately.ai …</span>
<p>The picture is a page of stately.ai and needs the internet. The events go from this machine into that page, within this browser.
Without the internet use the console of the node instead: <code>exovisor console</code> prints its address.</p>
</header>
<iframe id="picture" title="The machines, drawn by stately.ai" referrerpolicy="no-referrer"></iframe>
<script src="/page.js"></script>
</body>
</html>
`

export const pageCss = `:root { color-scheme: light dark; font: 14px/1.5 system-ui, sans-serif }
* { box-sizing: border-box; margin: 0 }
body { height: 100vh; display: flex; flex-direction: column }
header { display: flex; flex-wrap: wrap; gap: 0 1rem; padding: .5rem 1rem }
header p { flex-basis: 100%; opacity: .8 }
iframe { flex: 1; width: 100%; border: 0 }
`

/**
 * The websocket is opened only when the picture says that it listens: whoever connects is told of all actors first, so nothing has to be
 * kept for later. A picture that was loaded again asks again. It is loaded only when the script listens to it: it says so once.
 */
export const pageJs = `'use strict'
const picture = document.getElementById('picture')
const state = document.getElementById('state')
const origins = ${JSON.stringify(statelyOrigins)}
const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? ''
let socket
let attempts = 0
let origin
function say(text) { state.textContent = text }
function connect() {
  socket?.close()
  const mine = new WebSocket('ws://' + location.host + '/' + encodeURIComponent(token))
  socket = mine
  let count = 0
  mine.onopen = () => { attempts = 0; say('connected') }
  mine.onmessage = event => {
    picture.contentWindow.postMessage(JSON.parse(event.data), origin)
    count += 1
    say('connected, ' + count + ' messages')
  }
  mine.onclose = () => {
    if (socket !== mine) return
    attempts += 1
    say('the node does not answer, or the address is of an earlier start; trying again')
    setTimeout(() => { if (socket === mine) connect() }, Math.min(500 * 2 ** attempts, 15000))
  }
}
window.addEventListener('message', event => {
  if (!origins.includes(event.origin) || event.source !== picture.contentWindow) return
  if (event.data?.type !== '@statelyai.connected') return
  origin = event.origin
  connect()
})
picture.src = '${pictureAddress}'
setTimeout(() => { if (!origin) say('stately.ai does not answer; is there a connection to the internet?') }, 10000)
`

/** Scripts and styles are ours alone, the frame is Stately's alone, and nobody frames this page. */
export const pageHeaders = (host: string): Readonly<Record<string, string>> => ({
  'content-security-policy': `default-src 'none'; script-src 'self'; style-src 'self'; frame-src ${statelyOrigins.join(' ')}; connect-src 'self' ws://${host}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
})
