// Types the commands of the README: each line of a block marked ```sh, in order, in one shell's folder.
// A command that starts a node is waited for until it is ready, then stopped with Ctrl+C.
// Blocks marked ```console only show something and are not run.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

const readme = readFileSync('README.md', 'utf8')
const blocks = [...readme.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(match => match[1].trim().split('\n'))
const SECONDS = 300

/** Commands that CI has just run as steps of their own, and that need no second time. */
const done = new Set(['npm ci && npm test'])
/** The install is done too; what follows it is not. */
const shorten = line => line.replace(/^npm ci && /, '')

/** Whether anybody of the process group of a command is still there: signal 0 only asks. */
function leftBehind(group) {
  try {
    return process.kill(-group, 0)
  } catch {
    return false
  }
}

function run(line) {
  const serves = /\b(npm start|exovisor up)\b/.test(line)
  return new Promise((resolve, reject) => {
    const child = spawn('bash', ['-c', `exec ${line}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    })
    const timer = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), SECONDS * 1_000)
    let asked = false
    let seen = ''
    child.stdout.on('data', data => {
      process.stdout.write(data)
      seen += data
      if (serves && !asked && /Ctrl\+C|"type":"ready"/.test(seen)) {
        asked = true
        process.kill(-child.pid, 'SIGINT')
      }
    })
    child.on('exit', (code, signal) => {
      clearTimeout(timer)
      if (code === 0 && leftBehind(child.pid)) reject(new Error(`${line} left processes behind`))
      else if (code === 0) resolve()
      else reject(new Error(`${line} ended with ${signal ?? `code ${code}`}`))
    })
  })
}

const lines = blocks.flat().filter(line => line && !line.startsWith('#'))
if (lines.length < 5) throw new Error(`found ${lines.length} commands in the README, expected more`)
for (const line of lines) {
  if (done.has(line)) continue
  console.log(`\n$ ${line}`)
  await run(shorten(line))
}
