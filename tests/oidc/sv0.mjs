// Servers of sv0 that know a provider.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'

const SV0 = process.env.SV0 ?? 'sv0'
export const MAPPED = ['--oidc-viewer', 'staff', '--oidc-analyst', 'security', '--oidc-admin', 'security-admins']

export const freePort = async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  return port
}

/** A server of sv0 that knows this provider. */
export async function sv0(issuer, port, { client = 'sv0', secret = 'a-secret-of-the-test', more = MAPPED } = {}) {
  const args = ['serve', '--demo', '--listen', `127.0.0.1:${port}`, '--oidc-issuer', issuer, '--oidc-client-id', client]
  const child = spawn(SV0, [...args, '--oidc-scopes', 'email,profile,groups', ...more], {
    env: { ...process.env, SV0_OIDC_CLIENT_SECRET: secret },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  child.stderr.on('data', (data) => (log += data))
  await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(() => Promise.reject(new Error(`sv0 serve ended: ${log}`))),
  ])
  return { origin: `http://127.0.0.1:${port}`, stop: () => child.kill('SIGINT'), log: () => log }
}

/** What a server says that does not start. */
export const fails = async (args) => {
  const child = spawn(SV0, ['serve', '--demo', ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  child.stderr.on('data', (data) => (log += data))
  const [code] = await once(child, 'exit')
  return { code, log: log.replace(/\s+/g, ' ') }
}
