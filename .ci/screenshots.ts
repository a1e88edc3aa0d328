// Takes pictures of the console page, of every tab in both themes, wide and narrow, into the ignored folder .screenshots/.
// With --readme also the few that README.md shows, as small WebP files beside the page. They show what is recorded for the tests.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { goToTab, launchChromium, openPage } from '../test/console/page/browser.ts'
import { buildPage } from '../test/console/page/built-page.ts'
import { fakeConsole } from '../test/console/page/fake-console.ts'
import { answers, chat, greeting, NOW } from '../test/console/page/recorded.ts'

const FOLDER = '.screenshots'
/** What README.md shows. */
const README = 'src/console/page/screenshots'
const shown = new Set(['chat-light-wide', 'actors-dark-wide', 'time-travel-light-wide'])
const MOST_BYTES = 150_000

/** Playwright has no WebP, but Chromium does. */
async function saveWebp(page: Page, name: string): Promise<void> {
  const session = await page.context().newCDPSession(page)
  const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: 82 })
  const picture = Buffer.from(data, 'base64')
  if (picture.length > MOST_BYTES)
    throw new Error(`${name} has ${picture.length} bytes, more than ${MOST_BYTES}`)
  await mkdir(README, { recursive: true })
  await writeFile(join(README, `${name}.webp`), picture)
}

async function ready(page: Page, tab: string): Promise<void> {
  if (tab === 'Chat') {
    await page.getByRole('button', { name: 'What is a supervisor?' }).click()
    await page.getByText(/\d+ tokens ·/).waitFor()
  }
  if (tab === 'Actors' || tab === 'Time travel') {
    await page.getByRole('treeitem', { name: /inference/ }).click()
    await page.locator('.chart-state').first().waitFor()
  }
  if (tab === 'Time travel') {
    await page.getByRole('button', { name: '« Problem' }).click()
  }
  await page.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))))
}

await buildPage()
await mkdir(FOLDER, { recursive: true })
await using fake = await fakeConsole()
fake.greeting = greeting()
fake.onMessage = answers()
fake.chat = chat
const browser = await launchChromium()
for (const [size, viewport] of [
  ['wide', { width: 1_360, height: 860 }],
  ['narrow', { width: 400, height: 800 }],
] as const) {
  for (const colorScheme of ['dark', 'light'] as const) {
    const { page, context } = await openPage(browser, 'about:blank', {
      viewport,
      colorScheme,
      reducedMotion: 'reduce',
    })
    await page.clock.setFixedTime(NOW)
    await page.goto(fake.url)
    // What `system-ui` is on a machine without a desktop says nothing about any other.
    await page.addStyleTag({ content: 'html { font-family: "Liberation Sans", sans-serif }' })
    for (const tab of ['Chat', 'Cluster', 'Actors', 'Time travel', 'Metrics']) {
      await goToTab(page, tab)
      await ready(page, tab)
      const name = `${tab.toLowerCase().replace(' ', '-')}-${colorScheme}-${size}`
      await page.screenshot({ path: join(FOLDER, `${name}.png`) })
      if (process.argv.includes('--readme') && shown.has(name)) await saveWebp(page, name)
    }
    await context.close()
  }
}
await browser.close()
