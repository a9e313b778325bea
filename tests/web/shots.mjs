// Pictures of every view, for people to look at: node shots.mjs FOLDER [VIEW …]

import { mkdirSync } from 'node:fs'
import { launch, open } from './browser.mjs'
import { serve } from './server.mjs'
import { views } from './views.mjs'

const [folder = 'shots', ...only] = process.argv.slice(2)
mkdirSync(folder, { recursive: true })
const server = await serve('--demo', ...(process.env.COMPARE ? ['--compare', process.env.COMPARE] : []))
const browser = await launch()
try {
  let link = server.link
  const sizes = (process.env.SIZES ?? '390,1280,1920').split(',').map(Number)
  const themes = (process.env.THEMES ?? 'light,dark').split(',')
  for (const colorScheme of themes) {
    const { context, page, problems } = await open(browser, { colorScheme })
    await page.goto(link)
    link = await server.next()
    const all = await views(page, server.origin)
    for (const [name, path] of Object.entries(all)) {
      if (only.length && !only.includes(name)) continue
      for (const width of sizes) {
        await page.setViewportSize({ width, height: width < 500 ? 844 : 900 })
        await page.goto(server.origin + path)
        await page.waitForFunction(() => document.querySelector('main h1, main [role=alert]') && !document.querySelector('.waiting'))
        await page.waitForTimeout(120)
        const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
        if (wider > 0) console.log(`${name} at ${width}: ${wider} pixels too wide`)
        await page.screenshot({ path: `${folder}/${name}-${width}-${colorScheme}.png`, fullPage: process.env.FULL !== '0' })
      }
    }
    for (const problem of new Set(problems)) console.log(problem)
    await context.close()
  }
} finally {
  await browser.close()
  server.stop()
}
