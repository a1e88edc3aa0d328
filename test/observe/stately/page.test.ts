import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { build, type Rollup } from 'vite'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  inspectWithStately,
  type StatelyInspection,
} from '../../../src/observe/stately/inspect-with-stately.ts'
import type { Supervisor } from '../../../src/supervision/types.ts'
import { hasChromium, launchChromium } from '../../console/page/browser.ts'
import { plantTree } from './tree.ts'

/** A page as stately.ai has one: the receiver of `@statelyai/inspect` itself, which keeps what it is told. */
async function picture(): Promise<string> {
  const entry = fileURLToPath(import.meta.resolve('@statelyai/inspect'))
  const built = (await build({
    configFile: false,
    logLevel: 'silent',
    define: { 'process.env.NODE_ENV': '"production"' },
    build: { write: false, minify: false, lib: { entry, formats: ['iife'], name: 'inspect' } },
  })) as Rollup.RollupOutput[]
  const code = built[0]!.output[0].code.replaceAll('</script', '<\\/script')
  const receive = 'window.told = []; inspect.createBrowserReceiver().subscribe(message => told.push(message))'
  return `<!doctype html><script>${code}</script><script>${receive}</script>`
}

describe.skipIf(!hasChromium())('the page that the inspector prints', () => {
  let browser: Browser
  let html: string
  let context: BrowserContext
  let page: Page
  let root: Supervisor
  let inspection: StatelyInspection
  let asked: { readonly url: string; readonly referer: string | undefined }[]
  let faults: string[]
  let isOnline: boolean

  beforeAll(async () => {
    html = await picture()
    browser = await launchChromium()
  })
  afterAll(() => browser.close())

  beforeEach(async () => {
    root = await plantTree()
    inspection = await inspectWithStately(root)
    asked = []
    faults = []
    isOnline = true
    context = await browser.newContext()
    page = await context.newPage()
    page.on('pageerror', error => faults.push(error.message))
    page.on('console', message => {
      if (message.type() === 'error') faults.push(message.text())
    })
    await context.route('**', route => {
      const request = route.request()
      if (new URL(request.url()).hostname === '127.0.0.1') return route.continue()
      asked.push({ url: request.url(), referer: request.headers()['referer'] })
      return isOnline ? route.fulfill({ contentType: 'text/html', body: html }) : route.abort()
    })
  })
  afterEach(async () => {
    await context.close()
    await inspection.close()
    await root.close()
  })

  const untilTold = (name: string) =>
    page
      .frame({ url: 'https://stately.ai/inspect' })!
      .waitForFunction(
        text =>
          (globalThis as unknown as { told: { name?: string }[] }).told.some(
            message => message.name === text,
          ),
        name,
      )

  it("brings every living actor and what happens then into Stately's page, and asks nobody else", async () => {
    await page.goto(inspection.url)
    await untilTold('kid2#1')
    await root.restart('one')
    await untilTold('one#2')
    expect(await page.getByRole('status').innerText()).toMatch(/^connected, \d+ messages$/)
    expect(asked).toEqual([{ url: 'https://stately.ai/inspect', referer: undefined }])
    expect(faults).toEqual([])
  })

  it('says that it needs the internet when stately.ai does not answer, and watches nothing then', async () => {
    isOnline = false
    await page.clock.install()
    await page.goto(inspection.url)
    await page.clock.fastForward(10_000)
    await page.getByText('stately.ai does not answer').waitFor()
    expect(await page.getByText('exovisor console').isVisible()).toBe(true)
    expect(inspection.viewers).toBe(0)
  })

  it('says that the address is of an earlier start when the token is wrong', async () => {
    await page.goto(`${new URL(inspection.url).origin}/#token=another`)
    await page.getByText('the address is of an earlier start').waitFor()
    expect(inspection.viewers).toBe(0)
  })
})
