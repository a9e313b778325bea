// Starts sv0 and gives the link that it prints.

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

const SV0 = process.env.SV0 ?? 'sv0'

/** A server with these arguments; `link` holds for one browser, `next()` gives the one for another. */
export async function serve(...args) {
  const child = spawn(SV0, ['serve', ...args, ...(process.env.WEB_ROOT ? ['--web-root', process.env.WEB_ROOT] : [])], { stdio: ['ignore', 'pipe', 'pipe'] })
  const lines = createInterface({ input: child.stdout })
  const waiting = []
  const told = []
  lines.on('line', (line) => {
    const wants = waiting.shift()
    if (wants) wants(line)
    else told.push(line)
  })
  let errors = ''
  child.stderr.on('data', (data) => (errors += data))
  const next = () =>
    new Promise((resolve, reject) => {
      const line = told.shift()
      if (line) return resolve(line)
      waiting.push(resolve)
      child.once('exit', () => reject(new Error(`sv0 serve ended: ${errors}`)))
    })
  const link = await next()
  return { link, next, origin: new URL(link).origin, stop: () => child.kill('SIGINT'), errors: () => errors }
}
