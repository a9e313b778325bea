// The same in Chromium, from the page's button to the page, with the provider on another site: browsers do not send the
// session's cookie with what other sites begin.
//
// SV0=…/sv0 MODULES=…/node_modules CHROMIUM=…/chromium PLAYWRIGHT=…/node_modules node --test tests/oidc/page.mjs

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { provider } from './provider.mjs'
import { freePort, sv0 } from './sv0.mjs'

const { chromium } = createRequire(`${process.env.PLAYWRIGHT}/`)('playwright-core')

test('from a view to the provider and back to the view', async (t) => {
  const port = await freePort()
  const there = await provider({ host: 'localhost', callback: `http://127.0.0.1:${port}/login/oidc/callback` })
  const here = await sv0(there.issuer, port)
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox'] })
  t.after(async () => {
    await browser.close()
    here.stop()
    await there.stop()
  })
  const page = await browser.newPage()
  const problems = []
  page.on('pageerror', (error) => problems.push(error.message))
  await page.goto(`${here.origin}/findings?severity=high`)
  await page.getByRole('heading', { name: 'You are not signed in' }).waitFor()
  await page.getByRole('link', { name: 'Sign in' }).click()
  await page.getByRole('heading', { name: 'Sign in to sv0' }).waitFor()
  assert.equal(await page.getByLabel('API token').count(), 0, 'there are no tokens here')
  if (process.env.SHOT) await page.screenshot({ path: process.env.SHOT })
  await page.getByRole('link', { name: 'Sign in with your identity provider' }).click()
  await page.locator('input[name=login]').fill('alice')
  await page.locator('input[name=password]').fill('any')
  await page.locator('button[type=submit]').click()
  await page.locator('button[type=submit]').click()
  await page.waitForURL(`${here.origin}/findings?severity=high`)
  await page.getByRole('heading', { name: /finding/i }).first().waitFor()
  const user = await page.evaluate(async () => (await (await fetch('/api/v1/meta')).json()).user)
  assert.deepEqual([user.name, user.role, user.method], ['alice@example.com', 'analyst', 'oidc'])
  await page.getByText('alice@example.com').first().waitFor()
  assert.deepEqual(problems, [])
})
