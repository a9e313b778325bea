// Providers to sign in with: a real one, and one that lies.

import { createServer } from 'node:http'
import { createHash, randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

// The modules are in a cache, not beside this file.
const require = createRequire(`${process.env.MODULES}/`)
const load = async (name) => import(pathToFileURL(require.resolve(name)))
const { Provider } = await load('oidc-provider')
const jose = await load('jose')

/** Who there is, and in which groups. */
const PEOPLE = {
  alice: { email: 'alice@example.com', email_verified: true, groups: ['staff', 'security'] },
  root: { email: 'root@example.com', email_verified: true, groups: ['security-admins'] },
  bob: { email: 'bob@example.com', email_verified: true, groups: ['sales'] },
  // Anybody can write any address that nobody checks.
  mallory: { email: 'alice@example.com', email_verified: false, preferred_username: 'token:ci', groups: ['security'] },
}

const keys = async (alg) => {
  const { privateKey } = await jose.generateKeyPair(alg, { extractable: true })
  return { ...(await jose.exportJWK(privateKey)), alg, use: 'sig', kid: randomBytes(6).toString('hex') }
}

/** A certified provider. `begin(port)` starts it, again on the same port with new keys if it is called again. */
export async function provider({ callback, alg = 'RS256', inIdToken = false, host = '127.0.0.1' }) {
  let server
  let issuer
  const begin = async (port = 0) => {
    const asked = createServer((request, answer) => handle(request, answer))
    let handle = (_, answer) => answer.writeHead(503).end()
    await new Promise((resolve) => asked.listen(port, host, resolve))
    issuer = `http://${host}:${asked.address().port}`
    const one = new Provider(issuer, {
      clients: [
        {
          client_id: 'sv0',
          client_secret: 'a-secret-of-the-test',
          redirect_uris: [callback],
          id_token_signed_response_alg: alg,
        },
        {
          client_id: 'sv0-public',
          token_endpoint_auth_method: 'none',
          redirect_uris: [callback],
          id_token_signed_response_alg: alg,
        },
      ],
      jwks: { keys: [await keys(alg), ...(alg === 'RS256' ? [] : [await keys('RS256')])] },
      cookies: { keys: [randomBytes(16).toString('hex')] },
      claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['preferred_username'], groups: ['groups'] },
      scopes: ['openid', 'email', 'profile', 'groups'],
      // Providers differ in where they put what they know.
      conformIdTokenClaims: !inIdToken,
      pkce: { required: () => true },
      findAccount: (_, id) =>
        PEOPLE[id] && { accountId: id, claims: () => ({ sub: id, ...PEOPLE[id] }) },
    })
    handle = one.callback()
    server = asked
  }
  await begin()
  return {
    issuer,
    again: async () => {
      const { port } = server.address()
      await stopped(server)
      await begin(port)
    },
    stop: () => stopped(server),
  }
}

const stopped = (server) =>
  new Promise((resolve) => {
    server.close(resolve)
    server.closeAllConnections()
  })

/** A provider that does as a test tells it: `lie(claims, sign)` makes the ID token out of what would be right. */
export async function liar(lie) {
  const { privateKey, publicKey } = await jose.generateKeyPair('RS256')
  const jwk = { ...(await jose.exportJWK(publicKey)), alg: 'RS256', use: 'sig', kid: 'one' }
  const asked = new Map()
  let issuer
  const json = (answer, body) => answer.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  const server = createServer(async (request, answer) => {
    const url = new URL(request.url, issuer)
    if (url.pathname === '/.well-known/openid-configuration') {
      return json(answer, {
        issuer,
        authorization_endpoint: `${issuer}/auth`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/jwks`,
        response_types_supported: ['code'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['RS256', 'HS256', 'none'],
      })
    }
    if (url.pathname === '/jwks') return json(answer, { keys: [jwk] })
    if (url.pathname === '/auth') {
      const code = randomBytes(8).toString('hex')
      asked.set(code, url.searchParams)
      const to = new URL(url.searchParams.get('redirect_uri'))
      to.searchParams.set('code', code)
      to.searchParams.set('state', url.searchParams.get('state'))
      return answer.writeHead(302, { location: to.href }).end()
    }
    let body = ''
    for await (const part of request) body += part
    const sent = new URLSearchParams(body)
    const begun = asked.get(sent.get('code'))
    const challenge = createHash('sha256').update(sent.get('code_verifier') ?? '').digest('base64url')
    if (challenge !== begun.get('code_challenge')) return answer.writeHead(400).end('{}')
    const now = Math.floor(Date.now() / 1000)
    const claims = {
      iss: issuer,
      sub: 'alice',
      aud: 'sv0',
      iat: now,
      exp: now + 300,
      nonce: begun.get('nonce'),
      email: 'alice@example.com',
      groups: ['security'],
    }
    const sign = (what, key = privateKey, header = { alg: 'RS256', kid: 'one' }) =>
      new jose.SignJWT(what).setProtectedHeader(header).sign(key)
    const told = { access_token: 'nothing', token_type: 'Bearer', expires_in: 300 }
    const token = await lie(claims, sign, jose)
    return json(answer, token === null ? told : { ...told, id_token: token })
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  issuer = `http://127.0.0.1:${server.address().port}`
  return { issuer, stop: () => stopped(server) }
}
