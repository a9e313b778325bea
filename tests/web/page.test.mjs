// The page in a real browser, on the made-up organisation: what a person does and sees.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { launch, open } from './browser.mjs'
import { serve } from './server.mjs'
import { views } from './views.mjs'

const axe = readFileSync(new URL('./node_modules/axe-core/axe.min.js', import.meta.url), 'utf8')
const folder = mkdtempSync(join(tmpdir(), 'sv0-web-'))
const sv0 = (...args) => execFileSync(process.env.SV0 ?? 'sv0', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })

let browser
before(async () => (browser = await launch()))
after(() => browser?.close())

/** A page that is signed in by a link. */
async function signedIn(server, link, options) {
  const opened = await open(browser, options)
  await opened.page.goto(link)
  await opened.page.waitForSelector('main h1', { state: 'attached' })
  return opened
}

/** Nothing is loading any more. */
const settled = (page) => page.waitForFunction(() => document.querySelector('main h1, main [role=alert]') && !document.querySelector('.waiting'))

/** From the search field, by keyboard alone, to an entity. */
async function search(page, words, name) {
  await page.keyboard.press('Escape')
  await page.locator('main').focus()
  await page.keyboard.press('/')
  await page.keyboard.type(words)
  await page.getByRole('option', { name }).first().waitFor()
  const options = await page.getByRole('option').allInnerTexts()
  const at = options.findIndex((text) => text.startsWith(name))
  for (let n = 0; n <= at; n++) await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { level: 1, name }).waitFor()
  await settled(page)
}

describe('the four cases, from search to fix', () => {
  let server
  let page
  let problems
  before(async () => {
    server = await serve('--demo')
    ;({ page, problems } = await signedIn(server, server.link))
  })
  after(() => {
    server?.stop()
    assert.deepEqual(problems, [])
  })

  it('a Lambda function with two policies: two paths, and the one that is never needed', async () => {
    await search(page, 'invoice-exp', 'invoice-exporter')
    await page.getByText(/It reaches \d+ pieces of data/).waitFor()
    await page.goto(`${server.origin}/paths?from=invoice-exporter&to=acme-prod-invoices`)
    await settled(page)
    const rows = page.locator('.path-row')
    assert.equal(await rows.count(), 2, 'both parallel paths are told')
    await rows.filter({ hasText: 'permissions' }).getByRole('link', { name: /Show the chain/ }).click()
    await settled(page)
    const hop = page.getByRole('region', { name: 'Hop 2' })
    await hop.getByText('LegacyS3FullAccess allows').waitFor()
    await hop.getByText('"s3:*"').waitFor()
    assert.ok((await hop.locator('.marked').count()) >= 3, 'the statement is marked in its document')
    assert.match(await hop.innerText(), /Did it ever happen\?\s+Seen \d+ times/)
    await page.goto(`${server.origin}/findings?rule=overprivileged-workload`)
    await page.getByRole('link', { name: /invoice-exporter/ }).first().click()
    await page.getByRole('heading', { name: 'What ends it' }).waitFor()
    const fix = page.locator('.fix').first()
    await fix.getByText(/All \d+ uses that were seen are still allowed/).waitFor()
    assert.ok((await fix.locator('.removed').count()) > 0)
  })

  it('SecOpsAdmin and CustomerRecords: who reaches the table, when it was last read, what stops it', async () => {
    await search(page, 'customerrec', 'CustomerRecords')
    await page.getByText(/origins reach it/).waitFor()
    const row = page.locator('.path-row', { hasText: 'SecOpsAdmin' })
    await row.getByRole('link', { name: /Show the chain/ }).click()
    await settled(page)
    await page.getByText(/used \d+ times in 30 days, last/).waitFor()
    await page.getByRole('button', { name: /can become/ }).click()
    await page.getByText('SecOpsAdmin can assume OrganizationAccountAccessRole').waitFor()
    await page.getByText(/Seen \d+ times, last 30 Dec 2025/).waitFor()
    await page.getByText('Who really did it').click()
    await page.getByText(/SecOpsAdmin \(IAM user\)/).first().waitFor()
    await page.goto(`${server.origin}/findings?severity=critical`)
    await page.getByRole('link', { name: /SecOpsAdmin/ }).click()
    await page.getByRole('heading', { name: 'What ends it' }).waitFor()
    await page.getByText(/used \d+ times|was seen/i).first().waitFor()
    assert.ok((await page.locator('.fix').count()) > 0)
  })

  it('Elliot and the key in the vault: the secret that holds a key of another account', async () => {
    await search(page, 'elliot', 'Elliot')
    await page.getByRole('link', { name: /acme-prod-customer-exports/ }).first().waitFor()
    const row = page.locator('.path-row', { hasText: 'acme-prod-customer-exports' })
    await row.getByRole('link', { name: /Show the chain/ }).click()
    await settled(page)
    assert.deepEqual(await page.locator('.lane-name').allInnerTexts(), ['SecOps', 'Prod'], 'a lane for each account')
    await page.getByRole('button', { name: /holds a key of/ }).click()
    await page.getByText('This hop is inferred').waitFor()
    await page.goto(`${server.origin}/findings?rule=secret-pivot`)
    await page.getByRole('link', { name: /allsafe\/prod-access-key/ }).first().click()
    await page.getByRole('heading', { name: 'What ends it' }).waitFor()
    await page.getByRole('button', { name: 'Try it in What if' }).first().click()
    await page.getByRole('heading', { name: /^Lost: \d+ pairs/ }).waitFor()
    await page.getByRole('heading', { name: 'Gained: nothing' }).waitFor()
  })

  it('a data scientist and the notebook: what together makes an administrator', async () => {
    await search(page, 'datascienceleads', 'DataScienceLeads')
    await page.getByRole('tab', { name: /Findings/ }).click()
    await page.getByRole('link', { name: /together make an administrator/ }).click()
    await page.getByText(/it creates a notebook under the role and opens it/).waitFor()
    const hop = page.getByRole('button', { name: /can make itself/ })
    await hop.click()
    await page.getByText(/sagemaker-001/).first().waitFor()
    const diff = page.locator('.diff').first()
    assert.match(await diff.locator('.removed').first().innerText(), /CreateNotebookInstance/)
    await page.getByText('With the change made, the rule finds nothing here any more.').first().waitFor()
  })

  it('what is stopped is told, with what stops it', async () => {
    await page.goto(`${server.origin}/paths?from=LockedReader&to=acme-prod-kms-locked`)
    await page.getByRole('heading', { name: 'There is no path' }).waitFor()
    await page.getByRole('link', { name: /Show the chain/ }).first().click()
    await page.getByRole('heading', { name: 'What stops it' }).first().waitFor()
    await page.getByText(/the key policy of alias\/locked neither/).first().waitFor()
    await page.getByRole('button', { name: /stopped/ }).waitFor()
  })

  it('the back button, links and a narrow screen lead to the same', async () => {
    await page.goto(`${server.origin}/findings?severity=critical`)
    await settled(page)
    const list = await page.locator('.finding-row').count()
    await page.locator('.finding-row a').first().click()
    await page.getByRole('heading', { name: 'What it means' }).waitFor()
    await page.goBack()
    await settled(page)
    assert.equal(await page.locator('.finding-row').count(), list)
    await page.setViewportSize({ width: 390, height: 844 })
    await page.getByRole('button', { name: 'Menu' }).click()
    await page.getByRole('link', { name: 'Who can' }).click()
    await page.getByRole('heading', { level: 1, name: 'Who can' }).waitFor()
    await page.setViewportSize({ width: 1280, height: 860 })
  })
})

describe('deciding', () => {
  let server
  const file = join(folder, 'suppressions.yaml')
  before(async () => (server = await serve('--demo', '--suppressions', file)))
  after(() => server?.stop())

  it('a risk is accepted with reason and end, is in the file, and is taken back', async () => {
    const { page, problems, context } = await signedIn(server, server.link)
    await page.goto(`${server.origin}/findings`)
    const first = page.locator('.finding-row a').first()
    const title = await first.innerText()
    await first.click()
    await page.getByRole('button', { name: /Accept this risk/ }).click()
    await page.getByLabel('Why').fill('Known: "see ticket 7" <b>')
    await page.getByLabel(/Until/).fill('2099-01-31')
    await page.getByRole('button', { name: 'Accept', exact: true }).click()
    await page.getByText('Accepted', { exact: true }).waitFor()
    await page.getByText(/Known: "see ticket 7" <b>/).first().waitFor()
    assert.match(readFileSync(file, 'utf8'), /until: "2099-01-31"/)
    await page.goto(`${server.origin}/`)
    await settled(page)
    assert.ok(!(await page.locator('main').innerText()).includes(title), 'it does not count any more')
    await page.getByRole('link', { name: /accepted/ }).click()
    await page.getByRole('link', { name: title }).click()
    await page.getByRole('button', { name: 'Take it back' }).click()
    await page.getByRole('button', { name: /Accept this risk/ }).waitFor()
    assert.ok(!readFileSync(file, 'utf8').includes('ticket 7'))
    assert.deepEqual(problems, [])
    await context.close()
  })

  it('a policy is edited, and what that would do is shown before anybody does it', async () => {
    const { page, problems, context } = await signedIn(server, await server.next())
    await page.goto(`${server.origin}/entity?id=AllSafeVaultRole&tab=policies`)
    await page.getByRole('button', { name: /ReadVault/ }).click()
    await page.getByRole('link', { name: 'Edit it in What if' }).click()
    const editor = page.getByRole('textbox', { name: 'Document' })
    const text = await editor.inputValue()
    await editor.fill(text.replace('"*"', '"arn:aws:secretsmanager:us-east-1:222222222222:secret:other-*"'))
    await page.getByRole('button', { name: 'Use this document' }).click()
    await page.getByRole('button', { name: 'Show what it would do' }).click()
    await page.getByRole('heading', { name: /^Lost: \d+ pairs/ }).waitFor()
    await editor.fill('{ "Version": ')
    await page.getByText(/Not JSON yet/).waitFor()
    assert.ok(await page.getByRole('button', { name: 'Use this document' }).isDisabled())
    assert.deepEqual(problems, [])
    await context.close()
  })

  it('every format can be downloaded', async () => {
    const { page, context } = await signedIn(server, await server.next())
    await page.goto(`${server.origin}/findings`)
    await page.getByText('Export', { exact: true }).click()
    for (const name of ['HTML report', 'SARIF']) {
      const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name }).click()])
      assert.match(download.suggestedFilename(), /^sv0-findings\./)
    }
    await context.close()
  })
})

describe('everybody can use it', () => {
  let server
  before(async () => (server = await serve('--demo')))
  after(() => server?.stop())

  for (const [name, options] of [
    ['light', { colorScheme: 'light' }],
    ['dark', { colorScheme: 'dark' }],
    ['narrow', { colorScheme: 'light', viewport: { width: 390, height: 844 } }],
  ]) {
    it(`axe finds nothing in any view, ${name}`, async () => {
      const link = name === 'light' ? server.link : await server.next()
      const { page, problems, context } = await signedIn(server, link, options)
      const found = []
      for (const [view, path] of Object.entries(await views(page, server.origin))) {
        if (view === 'compare') continue
        await page.goto(server.origin + path)
        await settled(page)
        const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
        if (wider > 0) found.push(`${view}: ${wider} pixels too wide`)
        const result = await page.evaluate(`(() => { ${axe}; return axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }) })()`)
        for (const one of result.violations) found.push(`${view}: ${one.id}: ${one.help}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160) + ' ' + (node.any[0]?.message ?? '')).join(' | ')}`)
      }
      assert.deepEqual(found, [])
      // The browser itself says that the name that means nothing was not found.
      assert.deepEqual(problems.filter((problem) => !problem.includes('404')), [])
      await context.close()
    })
  }
})

describe('hostile names', () => {
  it('stay text in every view', async () => {
    const evil = `<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>'"--><svg onload=window.pwned=1>`
    const quoted = JSON.stringify(evil).slice(1, -1)
    const file = join(folder, 'evil.jsonl')
    sv0('demo', '--write', file)
    const lines = readFileSync(file, 'utf8').trim().split('\n').map((line) => {
      const record = JSON.parse(line)
      // The names, tags and policies of half of it, and attributes: everything that people can write into AWS.
      if (record.id && record.name && !/Elliot|AllSafe|CustomerRecords|LockedReader|acme-prod-kms-locked|acme-prod-customer-exports/.test(record.name)) record.name = `${record.name} ${evil}`
      if (record.id) record.tags = { ...record.tags, [`owner ${evil}`]: evil }
      for (const policy of record.policies ?? []) {
        const document = policy.document
        if (document && typeof document === 'object') {
          const list = Array.isArray(document.Statement) ? document.Statement : [document.Statement]
          for (const statement of list) if (statement && !statement.Sid) statement.Sid = evil
        }
      }
      return JSON.stringify(record)
    })
    writeFileSync(file, lines.join('\n') + '\n')
    assert.ok(readFileSync(file, 'utf8').includes(quoted))
    const server = await serve(file, '--suppressions', join(folder, 'evil.yaml'))
    try {
      const { page, problems, context } = await signedIn(server, server.link)
      const all = await views(page, server.origin)
      delete all.compare
      let seen = 0
      for (const [view, path] of Object.entries(all)) {
        await page.goto(server.origin + path)
        await settled(page)
        assert.equal(await page.evaluate(() => window.pwned), undefined, view)
        assert.equal(await page.locator('main img:not([src="/icon.svg"]), main script').count(), 0, view)
        seen += (await page.locator('body').innerText()).includes('onerror=') ? 1 : 0
      }
      assert.ok(seen > 8, `the hostile text is shown, as text, in ${seen} views`)
      await page.goto(server.origin)
      await settled(page)
      await page.keyboard.press('/')
      await page.keyboard.type('onerror')
      await page.getByRole('option').first().waitFor()
      assert.equal(await page.evaluate(() => window.pwned), undefined)
      assert.deepEqual(problems.filter((problem) => !problem.includes('404')), [])
      await context.close()
    } finally {
      server.stop()
    }
  })
})

describe('signing in', () => {
  const file = join(folder, 'tokens.toml')
  const token = (name, role) => sv0('token', '--tokens', file, '--name', name, '--role', role).trim()
  let viewer
  let analyst
  let server
  before(async () => {
    viewer = token('reader', 'viewer')
    analyst = token('decider', 'analyst')
    server = await serve('--demo', '--tokens', file)
  })
  after(() => server?.stop())

  async function signIn(secret) {
    const opened = await open(browser)
    await opened.page.goto(server.origin)
    await opened.page.getByRole('link', { name: 'Sign in' }).click()
    await opened.page.getByLabel('API token').fill(secret)
    await opened.page.getByRole('button', { name: 'Sign in' }).click()
    await opened.page.getByText(/findings are critical or high/).waitFor()
    return opened
  }

  it('nobody sees anything without', async () => {
    const { page, context } = await open(browser)
    await page.goto(`${server.origin}/findings`)
    await page.getByRole('heading', { name: 'You are not signed in' }).waitFor()
    assert.ok(!(await page.content()).includes('SecOpsAdmin'))
    await page.goto(`${server.origin}/login`)
    await page.getByLabel('API token').fill('sv0_wrong')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('this token is not known').waitFor()
    await context.close()
  })

  it('a viewer looks and an analyst decides', async () => {
    const looking = await signIn(viewer)
    await looking.page.getByText(/findings are critical or high/).waitFor()
    await looking.page.goto(`${server.origin}/findings`)
    await looking.page.locator('.finding-row a').first().click()
    await looking.page.getByRole('heading', { name: 'What it means' }).waitFor()
    assert.equal(await looking.page.getByRole('button', { name: /Accept this risk/ }).count(), 0)
    const status = await looking.page.evaluate(async () => {
      const csrf = (await (await fetch('/api/v1/meta')).json()).csrf
      const id = location.pathname.split('/').pop()
      const sent = await fetch(`/api/v1/findings/${id}/suppress`, { method: 'POST', headers: { 'x-sv0-csrf': csrf }, body: JSON.stringify({ reason: 'x', until: null }) })
      return sent.status
    })
    assert.equal(status, 403, 'the page hides the button, the server refuses the change')
    const deciding = await signIn(analyst)
    await deciding.page.goto(looking.page.url())
    await deciding.page.getByRole('button', { name: /Accept this risk/ }).waitFor()
    await looking.context.close()
    await deciding.context.close()
  })

  it('signing out ends it, and a session of one server is none of another', async () => {
    const { page, context } = await signIn(viewer)
    await page.getByText(/findings are critical or high/).waitFor()
    const other = await serve('--demo', '--tokens', file)
    const cookies = await context.cookies()
    const status = async (origin) => (await fetch(`${origin}/api/v1/meta`, { headers: { cookie: cookies.map((one) => `${one.name}=${one.value}`).join('; ') } })).status
    assert.equal(await status(server.origin), 200)
    assert.equal(await status(other.origin), 401)
    other.stop()
    assert.ok(cookies.every((one) => one.httpOnly && one.sameSite === 'Strict'))
    await page.locator('.who summary').click()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('heading', { name: 'Sign in to sv0' }).waitFor()
    assert.equal(await status(server.origin), 401)
    await context.close()
  })
})
