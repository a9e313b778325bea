// People of an identity provider sign in: with a certified provider (npm's oidc-provider), and with one that lies.
//
// SV0=…/sv0 MODULES=…/node_modules node --test tests/oidc/sign_in.mjs

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Browser, signIn } from './browser.mjs'
import { liar, provider } from './provider.mjs'
import { MAPPED, fails, freePort, sv0 } from './sv0.mjs'

const meta = async (browser, origin) => {
  const answer = await browser.ask(`${origin}/api/v1/meta`)
  return { status: answer.status, user: answer.ok ? (await answer.json()).user : undefined }
}

for (const [name, options, client] of [
  ['claims at the userinfo endpoint, RS256', {}, {}],
  ['claims in the ID token, ES256', { inIdToken: true, alg: 'ES256' }, {}],
  ['a public client, PS256', { alg: 'PS256' }, { client: 'sv0-public', secret: '' }],
]) {
  describe(name, () => {
    let there, here
    before(async () => {
      const port = await freePort()
      there = await provider({ ...options, callback: `http://127.0.0.1:${port}/login/oidc/callback` })
      here = await sv0(there.issuer, port, client)
    })
    after(async () => {
      here?.stop()
      await there?.stop()
    })
    const begin = (next = '') => `${here.origin}/login/oidc${next && `?next=${encodeURIComponent(next)}`}`

    test('somebody signs in, with the role that their groups give, where they wanted to be', async () => {
      for (const [who, role] of [['alice', 'analyst'], ['root', 'admin']]) {
        const browser = new Browser()
        assert.equal((await meta(browser, here.origin)).status, 401)
        const back = await signIn(browser, begin('/findings?severity=high'), who)
        const answer = await browser.ask(back)
        assert.equal(answer.status, 303, here.log())
        assert.equal(answer.headers.get('location'), '/findings?severity=high')
        const session = answer.headers.getSetCookie().find((cookie) => cookie.startsWith('sv0='))
        assert.match(session, /HttpOnly; SameSite=Strict/)
        const { user } = await meta(browser, here.origin)
        assert.deepEqual([user.name, user.role, user.method], [`${who}@example.com`, role, 'oidc'])
      }
    })

    test('somebody without a group that is named gets no session', async () => {
      const browser = new Browser()
      const answer = await browser.ask(await signIn(browser, begin(), 'bob'))
      assert.equal(answer.headers.get('location'), '/login?error=no_role')
      assert.equal((await meta(browser, here.origin)).status, 401)
    })

    test('an address that nobody checked is nobody’s name, nor is that of a token', async () => {
      const browser = new Browser()
      await browser.ask(await signIn(browser, begin(), 'mallory'))
      assert.equal((await meta(browser, here.origin)).user.name, 'oidc:token:ci')
    })

    test('an answer holds once, in the browser that asked, as it was given', async () => {
      const browser = new Browser()
      const back = await signIn(browser, begin(), 'alice')
      const other = new Browser()
      assert.equal((await other.ask(back)).headers.get('location'), '/login?error=expired')
      // And with that it is gone for the right one too: somebody else had it.
      assert.equal((await browser.ask(back)).headers.get('location'), '/login?error=expired')
      const again = await signIn(browser, begin(), 'alice')
      const state = new URL(again)
      state.searchParams.set('state', 'of-somebody-else')
      assert.equal((await browser.ask(state)).headers.get('location'), '/login?error=expired')
      const third = await signIn(browser, begin(), 'alice')
      const code = new URL(third)
      code.searchParams.set('code', 'guessed')
      assert.equal((await browser.ask(code)).headers.get('location'), '/login?error=provider')
      const fourth = new URL(await signIn(browser, begin(), 'alice'))
      fourth.searchParams.set('iss', 'https://another.example')
      assert.equal((await browser.ask(fourth)).headers.get('location'), '/login?error=provider')
      assert.equal((await meta(browser, here.origin)).status, 401)
    })

    test('a sign-in that was refused at the provider', async () => {
      const browser = new Browser()
      const begun = await browser.ask(begin())
      const { searchParams: asked } = new URL(begun.headers.get('location'))
      assert.equal(asked.get('code_challenge_method'), 'S256')
      const back = `${here.origin}/login/oidc/callback?error=access_denied&state=${asked.get('state')}`
      assert.equal((await browser.ask(back)).headers.get('location'), '/login?error=refused')
    })

    test('nobody is sent to another site', async () => {
      const browser = new Browser()
      for (const next of ['https://evil.example', '//evil.example', '/\\evil.example']) {
        const answer = await browser.ask(await signIn(browser, begin(next), 'alice'))
        assert.equal(answer.headers.get('location'), '/')
      }
    })

    test('the provider has new keys', async () => {
      await there.again()
      const browser = new Browser()
      const answer = await browser.ask(await signIn(browser, begin(), 'alice'))
      assert.equal(answer.headers.get('location'), '/', here.log())
      assert.equal((await meta(browser, here.origin)).status, 200)
    })

    test('the page knows how to sign in, and the printed link is not one of the ways', async () => {
      const methods = await (await fetch(`${here.origin}/login/methods`)).json()
      assert.deepEqual(methods, { link: false, token: false, oidc: true })
    })

    test('nothing secret is in the log', () => {
      assert.doesNotMatch(here.log(), /a-secret-of-the-test|code=|code_verifier/)
    })
  })
}

describe('a provider that lies', () => {
  const lies = {
    'the token of another audience': (claims, sign) => sign({ ...claims, aud: 'another' }),
    'a token for many, one of whom could use it here': (claims, sign) => sign({ ...claims, aud: ['sv0', 'another'] }),
    'the token of another sign-in': (claims, sign) => sign({ ...claims, nonce: 'another' }),
    'a token without nonce': (claims, sign) => sign({ ...claims, nonce: undefined }),
    'a token that has expired': (claims, sign) => sign({ ...claims, iat: claims.iat - 900, exp: claims.exp - 900 }),
    'another issuer': (claims, sign) => sign({ ...claims, iss: 'https://another.example' }),
    'no subject': (claims, sign) => sign({ ...claims, sub: undefined }),
    'a signature of somebody else': async (claims, sign, jose) =>
      sign(claims, (await jose.generateKeyPair('RS256')).privateKey),
    'no signature': (claims, _, jose) => new jose.UnsecuredJWT(claims).encode(),
    'a signature with a secret that everybody knows': (claims, sign) =>
      sign(claims, new TextEncoder().encode('another-secret-that-is-known-to-all'), { alg: 'HS256' }),
    'no token': () => null,
    'half a token': async (claims, sign) => (await sign(claims)).slice(0, -40),
  }
  const tried = async (lie) => {
    const port = await freePort()
    const there = await liar(lie)
    const here = await sv0(there.issuer, port)
    const browser = new Browser()
    try {
      const { url } = await browser.follow(`${here.origin}/login/oidc`, (at) => at.includes('/callback'))
      const answer = await browser.ask(url)
      return { to: answer.headers.get('location'), ...(await meta(browser, here.origin)), log: here.log() }
    } finally {
      here.stop()
      await there.stop()
    }
  }

  test('and once tells the truth', async () => {
    const got = await tried((claims, sign) => sign(claims))
    assert.deepEqual([got.to, got.status, got.user?.role], ['/', 200, 'analyst'], got.log)
  })
  for (const [name, lie] of Object.entries(lies)) {
    test(name, async () => {
      const got = await tried(lie)
      assert.deepEqual([got.to, got.status], ['/login?error=provider', 401], got.log)
      assert.match(got.log, /identity provider/)
    })
  }
})

describe('what is wrong is told before anything is served', () => {
  test('no provider there', async () => {
    const port = await freePort()
    const got = await fails(['--oidc-issuer', `http://127.0.0.1:${port}`, '--oidc-client-id', 'sv0', ...MAPPED])
    assert.equal(got.code, 4)
    assert.match(got.log, new RegExp(`127.0.0.1:${port}/.well-known/openid-configuration`))
  })
  test('a provider by a way that others can read', async () => {
    const got = await fails(['--oidc-issuer', 'http://login.example.com', '--oidc-client-id', 'sv0', ...MAPPED])
    assert.match(got.log, /must begin with https/)
  })
  test('nobody could get a role', async () => {
    const got = await fails(['--oidc-issuer', 'https://login.example.com', '--oidc-client-id', 'sv0'])
    assert.equal(got.code, 64)
    assert.match(got.log, /--oidc-viewer/)
  })
})
