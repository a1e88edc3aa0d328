import { existsSync } from 'node:fs'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

const CHROMIUM = '/usr/bin/chromium'

/** Whether there is a Chromium to test with. Where one is required its absence is a failure, and not a reason to skip. */
export function hasChromium(): boolean {
  if (existsSync(CHROMIUM)) return true
  if (process.env['REQUIRE_CHROMIUM'] === '1')
    throw new Error(`${CHROMIUM} is missing, and REQUIRE_CHROMIUM says that it must be there`)
  console.warn(`the tests of the console page are skipped: there is no ${CHROMIUM}`)
  return false
}

export const launchChromium = (): Promise<Browser> =>
  chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] })

/** A page on which every request to another machine fails, with what it asked for and what went wrong in it. */
export async function openPage(browser: Browser, url: string, options: BrowserContextOptions = {}) {
  const context = await browser.newContext({ viewport: { width: 1_360, height: 860 }, ...options })
  const page = await context.newPage()
  const foreign: string[] = []
  const faults: string[] = []
  await context.route('**', route => {
    const { hostname, protocol } = new URL(route.request().url())
    if (hostname === '127.0.0.1' || protocol === 'blob:' || protocol === 'data:') return route.continue()
    foreign.push(route.request().url())
    return route.abort()
  })
  page.on('pageerror', error => faults.push(error.message))
  page.on('console', message => {
    if (message.type() === 'error') faults.push(message.text())
  })
  await page.goto(url)
  return { page, context, foreign, faults }
}

/** Goes to a tab as a user does. */
export async function goToTab(page: Page, name: string): Promise<void> {
  await page.getByRole('navigation').getByRole('link', { name, exact: true }).click()
}
