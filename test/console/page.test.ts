import axeCore from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { journalFile } from '../../src/observe/view/journal-file.ts'
import type { ActorRow } from '../../src/observe/view/messages.ts'
import { goToTab, hasChromium, launchChromium, openPage } from './page/browser.ts'
import { buildPage } from './page/built-page.ts'
import { type FakeConsole, fakeConsole } from './page/fake-console.ts'
import { answers, chat, detail, greeting, journal, NOW, row, rows } from './page/recorded.ts'

const tabs = ['Chat', 'Cluster', 'Actors', 'Time travel', 'Metrics'] as const

const item = (page: Page, path: string) => page.locator(`[data-path="${path}"]`)
const chooseEngine = (page: Page) => item(page, 'node/inference').click()
const activeStates = (page: Page) => page.locator('.chart-state.active > .chart-name').allInnerTexts()

describe.skipIf(!hasChromium())('the console page', () => {
  let browser: Browser
  let fake: FakeConsole
  let opened: Awaited<ReturnType<typeof openPage>>

  // One window for all: each test has a console of its own, on a port of its own, and so an origin that knows of no other.
  beforeAll(async () => {
    await buildPage()
    browser = await launchChromium()
    opened = await openPage(browser, 'about:blank')
  })
  afterAll(() => browser.close())

  beforeEach(async () => {
    fake = await fakeConsole()
    fake.greeting = greeting()
    fake.onMessage = answers()
    fake.chat = chat
  })
  afterEach(async () => {
    const { page, foreign, faults } = opened
    await page.goto('about:blank')
    await fake[Symbol.asyncDispose]()
    faults.length = 0
    // Holds for each test: nothing the page does leaves the machine.
    expect(foreign).toEqual([])
  })

  interface View {
    readonly colorScheme?: 'light' | 'dark'
    readonly width?: number
  }
  const open = async ({ colorScheme = 'light', width = 1_360 }: View = {}, url = fake.url) => {
    const { page } = opened
    await page.setViewportSize({ width, height: 860 })
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await page.goto(url)
    return page
  }

  it('shows the tree, takes the token out of the address, and keeps it for a reload', async () => {
    const page = await open()
    await item(page, 'node/peers/peer:attic').waitFor()
    expect(page.url()).not.toContain('token')
    expect(await page.getByRole('treeitem').count()).toBe(rows.length)
    await page.reload()
    await item(page, 'node/peers/peer:attic').waitFor()
    expect(opened.faults).toEqual([])
  })

  it('asks for the address when the token is wrong, and goes on with the right one', async () => {
    const page = await open({}, fake.url.replace(/token=.*/, 'token=not-this-one'))
    await page.getByText('The node refused the token').waitFor()
    await page.getByLabel('Address or token').fill(fake.url)
    await page.getByRole('button', { name: 'Connect' }).click()
    await item(page, 'node').waitFor()
    expect(await page.getByText('The node refused the token').count()).toBe(0)
  })

  it('streams an answer with the nodes it came through, and the fail-over in its middle', async () => {
    const page = await open()
    await goToTab(page, 'Chat')
    await page.getByLabel('Your question').fill('What is a supervisor?')
    await page.keyboard.press('Enter')
    await page.getByText('23 tokens').waitFor()
    expect(await page.locator('.answer').innerText()).toMatch(/DEGRADED or in.*ERROR by a policy/s)
    expect(await page.locator('.failover').innerText()).toContain('stage 3 on garage')
    expect(await page.locator('.way').last().locator('.stage').allInnerTexts()).toEqual([
      expect.stringContaining('desk'),
      expect.stringContaining('attic'),
      expect.stringContaining('cellar'),
    ])
  })

  it('stops an answer at the node when the user stops it, and keeps what has come', async () => {
    const page = await open()
    fake.chat = chat.slice(0, 6)
    fake.chatEnds = false
    await goToTab(page, 'Chat')
    await page.getByRole('button', { name: 'What is a supervisor?' }).click()
    await page.getByText('A supervisor watches its').waitFor()
    await page.getByRole('button', { name: 'Stop' }).click()
    await page.getByText('stopped · 5 tokens').waitFor()
    await expect.poll(() => fake.chatsLeft).toBe(1)
  })

  it('draws the messages between the actors that are chosen', async () => {
    const page = await open()
    await chooseEngine(page)
    await page.getByRole('img', { name: '6 messages between outside, node/inference' }).waitFor()
    await page.getByLabel('Add an actor to the diagram').fill('node/api')
    await page.getByRole('button', { name: '+ node/api' }).click()
    await page.getByRole('img', { name: /messages between outside, node.inference, node.api$/ }).waitFor()
    await expect
      .poll(() => fake.received.at(-1))
      .toEqual({ type: 'watch', paths: ['node/inference', 'node/api'] })
  })

  it('asks to be loaded again when the node speaks another version', async () => {
    fake.greeting = greeting().map(message => ({ ...message, version: 2 }) as never)
    const page = await open()
    await page.getByRole('alert').getByText('another version').waitFor()
  })

  it('lights the active states and the transition that led to them', async () => {
    const page = await open()
    await chooseEngine(page)
    await page.locator('.chart-event.taken').waitFor()
    expect(await page.locator('.chart-event.taken').innerText()).toBe('initialized')
    expect((await activeStates(page)).join()).toMatch(/READY.*idle/s)
    const engine = rows.find(one => one.path === 'node/inference') as ActorRow
    const failed = { ...engine, state: 'ERROR' as const }
    fake.send(
      { type: 'changes', changed: [failed], removed: [] },
      {
        type: 'detail',
        detail: detail(failed, {
          lastTransition: {
            path: engine.path,
            incarnation: 3,
            time: NOW,
            event: 'fail',
            from: { READY: 'idle' },
            to: 'ERROR',
          },
        }),
      },
    )
    await page.locator('.chart-state.active.ERROR').waitFor()
    expect(await page.locator('.chart-event.taken').innerText()).toBe('fail')
    expect(await item(page, 'node/inference').getAttribute('data-state')).toBe('ERROR')
  })

  it('sends a command only after it was confirmed, and shows why one was refused', async () => {
    const page = await open()
    await chooseEngine(page)
    fake.onMessage = message =>
      message.type === 'command'
        ? [
            {
              type: 'answer',
              id: message.id,
              error: { code: 'EXO_RESOURCE_CLOSED', message: 'it is closing' },
            },
          ]
        : answers()(message)
    await page.getByRole('button', { name: 'Fail' }).click()
    expect(fake.received.filter(message => message.type === 'command')).toEqual([])
    await page.getByRole('dialog').getByLabel('Reason').fill('to see what happens')
    await page.getByRole('dialog').getByRole('button', { name: 'Fail' }).click()
    await page.getByRole('alert').getByText('it is closing').waitFor()
    expect(fake.received.at(-1)).toMatchObject({
      command: 'fail',
      path: 'node/inference',
      reason: 'to see what happens',
    })
    fake.onMessage = answers()
    await page.getByRole('dialog').getByRole('button', { name: 'Fail' }).click()
    await page.getByText('Fail: done').waitFor()
    expect(await page.getByRole('dialog').count()).toBe(0)
  })

  it('says that it is disconnected, and shows the present when it is connected again', async () => {
    const page = await open()
    await chooseEngine(page)
    await page.locator('.chart-state.active').first().waitFor()
    const before = fake.received.length
    fake.cut({ refused: true })
    await page.getByText('Disconnected.').waitFor()
    expect(await page.getByRole('button', { name: 'Restart' }).isDisabled()).toBe(true)
    fake.greeting = greeting(rows.filter(one => !one.path.includes('garage')))
    fake.cut({ refused: false })
    await page.getByText('Disconnected.').waitFor({ state: 'detached' })
    await item(page, 'node/peers/peer:garage').waitFor({ state: 'detached' })
    // What was watched is watched again, without the user.
    await expect
      .poll(() => fake.received.slice(before))
      .toContainEqual({ type: 'watch', paths: ['node/inference'] })
  })

  it('holds fewer than 200 of 10,000 rows in the document, and scrolls to the last', async () => {
    const many = [...rows, ...Array.from({ length: 10_000 }, (_, index) => row(`node/peers/worker-${index}`))]
    fake.greeting = greeting(many)
    const page = await open()
    await page.getByText('10,015 resources').waitFor()
    expect(await page.locator('.tree-row').count()).toBeLessThan(200)
    await page.getByRole('tree').focus()
    await page.keyboard.press('End')
    await item(page, 'node/peers/worker-9999').waitFor()
    expect(await page.locator('.tree-row').count()).toBeLessThan(200)
    await page.getByLabel('Search the actors').fill('worker-77 ')
    await item(page, 'node/peers/worker-7799').waitFor()
    // 77, 770 to 779, 7700 to 7799, and the two above them.
    await page.getByText('113 of 10,015 resources shown').waitFor()
  })

  it('moves, folds and chooses in the tree with the keyboard alone', async () => {
    const page = await open()
    await item(page, 'node').waitFor()
    await page.keyboard.press('/')
    await page.keyboard.type('peers')
    await page.keyboard.press('Escape')
    await page.getByLabel('Search the actors').fill('')
    await page.getByRole('tree').focus()
    await page.keyboard.press('Home')
    await page.getByRole('heading', { name: 'node' }).waitFor()
    await page.keyboard.press('ArrowLeft')
    await item(page, 'node/api').waitFor({ state: 'detached' })
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('ArrowRight')
    await page.getByRole('heading', { name: 'server' }).waitFor()
  })

  it('shows only the states that are asked for, with what leads to them', async () => {
    const page = await open()
    await page.getByRole('button', { name: 'ERROR: 1' }).click()
    await item(page, 'node/api').waitFor({ state: 'detached' })
    const shown = await page
      .locator('.tree-row')
      .evaluateAll(all => all.map(one => one.getAttribute('data-path')))
    expect(shown).toEqual(['node', 'node/peers', 'node/peers/peer:garage'])
  })

  it('travels back to the moment of a failure, and to the present again', async () => {
    const page = await open()
    await goToTab(page, 'Time travel')
    await chooseEngine(page)
    await page.getByRole('button', { name: '« Problem' }).click()
    await page.locator('.chart-state.active.ERROR').waitFor()
    expect(await item(page, 'node/inference').getAttribute('data-state')).toBe('ERROR')
    await page.getByRole('slider', { name: 'Moment' }).fill('0')
    await page.locator('.chart-state.active.INITIALIZING').waitFor()
    await page.getByRole('button', { name: 'Now' }).click()
    await page.locator('.chart-state.active.READY').waitFor()
  })

  it('loads a journal file, and names the line at which a cut one ends', async () => {
    const page = await open()
    await goToTab(page, 'Time travel')
    const text = [...journalFile(journal(), { node: 'desk', time: NOW })].join('')
    const load = (name: string, content: string) =>
      page
        .getByLabel('Journal file')
        .setInputFiles({ name, mimeType: 'text/plain', buffer: Buffer.from(content) })
    await load('cut.jsonl', text.slice(0, Math.floor(text.length / 2)))
    await page
      .getByRole('alert')
      .getByText(/cut\.jsonl was not loaded: line \d+/)
      .waitFor()
    await load('whole.jsonl', text)
    await page.getByText(`${journal().length} lines, from a file`).waitFor()
    await page.getByRole('button', { name: 'Back to the node' }).click()
    await page.getByText('Journal of desk').waitFor()
  })

  it('draws every figure, also those that come later', async () => {
    const page = await open()
    await goToTab(page, 'Metrics')
    await page.locator('canvas').nth(5).waitFor()
    const sample = {
      time: NOW,
      tokensPerSecond: 1234.5,
      running: 0,
      waiting: 0,
      restarts: 7,
      eventLoopDelay: 2,
      memory: 1e8,
      processes: {},
    }
    fake.send({ type: 'figures', samples: [sample] })
    await page.getByText('1,234.5').waitFor()
  })

  it('shows links, layers and times of the cluster, and changes with it', async () => {
    const page = await open()
    await goToTab(page, 'Cluster')
    await page.getByRole('row', { name: /attic.*1\.84 ms.*2–4/ }).waitFor()
    fake.send({
      type: 'cluster',
      cluster: { nodes: [{ id: 'n1', name: 'desk', self: true, state: 'READY' }] },
    })
    await page.getByText('No model is placed.').waitFor()
    await page.getByRole('row', { name: /attic/ }).waitFor({ state: 'detached' })
  })

  it.each(['light', 'dark'] as const)(
    'has nothing serious for axe in any tab, in the %s theme',
    async colorScheme => {
      const page = await open({ colorScheme })
      await page.evaluate(axeCore.source)
      for (const tab of tabs) {
        await goToTab(page, tab)
        if (tab === 'Chat') {
          await page.getByRole('button', { name: 'What is a supervisor?' }).click()
          await page.getByText('23 tokens').waitFor()
        }
        if (tab === 'Actors') {
          await chooseEngine(page)
          await page.locator('.chart-event.taken').waitFor()
        }
        expect(await axe(page), tab).toEqual([])
      }
    },
  )

  it('fits into 400 pixels, with every tab in reach', async () => {
    const page = await open({ width: 400 })
    for (const tab of tabs) {
      await goToTab(page, tab)
      expect(await page.evaluate('document.documentElement.scrollWidth'), tab).toBeLessThanOrEqual(400)
    }
    await goToTab(page, 'Actors')
    await chooseEngine(page)
    await page.getByRole('heading', { name: 'inference' }).waitFor()
    expect(await page.getByRole('tree').isVisible()).toBe(false)
    await page.getByRole('link', { name: '← All actors' }).click()
    await page.getByRole('tree').waitFor()
  })

  it('keeps the theme that was chosen', async () => {
    const page = await open({ colorScheme: 'light' })
    const theme = () => page.evaluate('getComputedStyle(document.documentElement).colorScheme')
    expect(await theme()).toBe('light')
    await page.getByRole('button', { name: /Change to light/ }).click()
    await page.getByRole('button', { name: /Change to dark/ }).click()
    expect(await theme()).toBe('dark')
    await page.reload()
    await item(page, 'node').waitFor()
    expect(await theme()).toBe('dark')
  })
})

interface Violation {
  readonly id: string
  readonly impact: string
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[]
}

/** What axe finds that is serious or critical, as text. */
async function axe(page: Page): Promise<string[]> {
  const violations = await page.evaluate<readonly Violation[]>(
    'axe.run().then(({ violations }) => violations)',
  )
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.slice(0, 3).map(node => `${id}: ${node.html.slice(0, 160)} ${node.failureSummary}`),
    )
}
