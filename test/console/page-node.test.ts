import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Node, spawnNode } from '../../src/node.ts'
import { testCluster } from '../node/cluster.ts'
import { goToTab, hasChromium, launchChromium, openPage } from './page/browser.ts'
import { buildPage } from './page/built-page.ts'

const item = (page: Page, name: string) => page.locator(`[data-path="node/${name}"]`)

/** Notes from now on every state that the engine's row and its statechart are drawn in: some of them last for no longer than a blink. */
const WATCH_ENGINE = `
  window.drawn = { row: new Set(), chart: new Set() }
  const note = () => {
    window.drawn.row.add(document.querySelector('[data-path="node/inference"]')?.dataset.state)
    for (const state of document.querySelectorAll('.chart-state.active')) window.drawn.chart.add(state.classList[1])
  }
  note()
  new MutationObserver(note).observe(document.body, { subtree: true, childList: true, attributes: true })`

describe.skipIf(!hasChromium())('the console page of a real node', () => {
  let browser: Browser
  let node: Node
  let opened: Awaited<ReturnType<typeof openPage>>[] = []

  beforeAll(async () => {
    const [, started, launched] = await Promise.all([
      buildPage(),
      spawnNode({
        flags: { 'api.enabled': false, 'console.port': 0, 'grpc.port': 0, 'discovery.udp.enabled': false },
      }),
      launchChromium(),
    ])
    node = started
    browser = launched
    await node.ready()
  })
  afterAll(() => Promise.all([browser.close(), node.close()]))

  afterEach(async () => {
    for (const { foreign, faults, context } of opened) {
      await context.close()
      expect(foreign).toEqual([])
      expect(faults).toEqual([])
    }
    opened = []
  })

  const open = async () => {
    const one = await openPage(browser, node.console ?? '')
    opened.push(one)
    return one.page
  }
  const ask = async (page: Page) => {
    await goToTab(page, 'Chat')
    await page.getByLabel('Your question').fill('What is a supervisor?')
    await page.keyboard.press('Enter')
    await page.getByText(/tokens\/s · first after/).waitFor()
  }
  const enginePid = async (page: Page) => {
    await ask(page)
    return Number(/engine (\d+)/.exec(await page.locator('.stage').first().innerText())?.[1])
  }

  it('answers with the built-in model, and says which engine the tokens came through', async () => {
    const page = await open()
    await ask(page)
    expect(await page.locator('.answer').innerText()).toMatch(/supervisor/i)
    expect(await page.locator('.stage').allInnerTexts()).toEqual([
      expect.stringMatching(`${node.name} layers 0–${node.model.layers - 1} engine \\d+`),
    ])
  })

  it('shows a killed engine go down and come back, in the tree and in its statechart', async () => {
    const page = await open()
    const pid = await enginePid(page)
    await goToTab(page, 'Actors')
    await item(page, 'inference').click()
    await page.locator('.chart-state.active.READY').first().waitFor()
    await page.evaluate(WATCH_ENGINE)
    const { incarnation } = node.ref('inference')
    process.kill(pid, 'SIGKILL')
    await page
      .getByText(`#${incarnation + 1}`, { exact: true })
      .first()
      .waitFor()
    await page.locator('.chart-state.active.READY').first().waitFor()
    await page.locator('[data-path="node/inference"][data-state="READY"]').waitFor()
    const drawn = await page.evaluate<{ row: string[]; chart: string[] }>(
      '({ row: [...window.drawn.row], chart: [...window.drawn.chart] })',
    )
    const down = expect.stringMatching(/ERROR|CLOSING|CLOSED|INITIALIZING/)
    expect(drawn.row).toContainEqual(down)
    expect(drawn.chart).toContainEqual(down)
    await page
      .getByRole('region', { name: 'Last error' })
      .getByText(/EXO_ENGINE/)
      .waitFor()
    await page.getByRole('region', { name: 'Events' }).getByText('restarted').waitFor()
  })

  it('shows the whole tree and its past to a viewer that comes late', async () => {
    const first = await open()
    const pid = await enginePid(first)
    const isBack = readyAgain(node)
    process.kill(pid, 'SIGKILL')
    await isBack
    const late = await open()
    await item(late, 'inference').waitFor()
    const names = await late
      .locator('.tree-row')
      .evaluateAll(all => all.map(one => one.getAttribute('data-path')))
    for (const child of node.children()) expect(names).toContain(`node/${child.id}`)
    await goToTab(late, 'Time travel')
    await item(late, 'inference').click()
    await late.getByRole('button', { name: '« Problem' }).click()
    await late.locator('.chart-state.active:not(.READY)').first().waitFor()
    expect(await item(late, 'inference').getAttribute('data-state')).not.toBe('READY')
    await late.getByRole('button', { name: 'Now' }).click()
    await late.locator('.chart-state.active.READY').waitFor()
  })

  it('restarts a resource from its button', async () => {
    const page = await open()
    await item(page, 'inference').click()
    const { incarnation } = node.ref('inference')
    await page.getByRole('button', { name: 'Restart', exact: true }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Restart' }).click()
    await page.getByText('Restart: done').waitFor()
    expect(node.ref('inference').incarnation).toBe(incarnation + 1)
  })

  it('saves the journal to a file that it can load again', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'console-page-'))
    const page = await open()
    await goToTab(page, 'Time travel')
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Save the journal' }).click(),
    ])
    const file = join(folder, 'saved.jsonl')
    await download.saveAs(file)
    await page.getByLabel('Journal file').setInputFiles(file)
    await page.getByText(/saved\.jsonl \d+ lines, from a file/).waitFor()
    await item(page, 'inference').waitFor()
    await rm(folder, { recursive: true })
  })

  it('shows the nodes of a cluster with their distance, and one that leaves', async () => {
    await using cluster = await testCluster(2, 'builtin', { flags: { 'console.port': 0 } })
    const one = await openPage(browser, cluster.entry.console ?? '')
    opened.push(one)
    await goToTab(one.page, 'Cluster')
    await one.page.getByRole('row', { name: /node-2.*READY.*\d ms/ }).waitFor()
    await cluster.others[0]?.close()
    await one.page
      .getByRole('row', { name: /node-2/ })
      .and(one.page.getByRole('row', { name: /DEGRADED|ERROR|INITIALIZING|CLOS/ }))
      .waitFor()
  })

  it('refuses a token that is not of this start of the node', async () => {
    const address = (node.console ?? '').replace(/token=.*/, `token=${'x'.repeat(43)}`)
    const { page, context } = await openPage(browser, address)
    await page.getByText('The node refused the token').waitFor()
    expect(await page.locator('.tree-row').count()).toBe(0)
    await context.close()
  })
})

/** Resolves when the engine is READY the next time. */
function readyAgain(node: Node): Promise<void> {
  return new Promise(done => {
    const leave = node.ref('inference').subscribe(({ state }) => {
      if (state !== 'READY') return
      leave()
      done()
    })
  })
}
