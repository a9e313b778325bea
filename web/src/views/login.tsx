// Signing in.

import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { change, type Problem } from '../api'
import { Failed } from '../parts/state'
import { useTitle } from '../session'

const ERRORS: Record<string, string> = {
  refused: 'Your identity provider did not sign you in.',
  expired: 'The sign-in took too long, or was begun in another browser. Try again.',
  no_role: 'You are signed in at your identity provider, but nothing there gives you a role in sv0. Ask who runs it.',
  provider: 'The identity provider did not answer as it should. The log of sv0 says more.',
}

/** Where to go afterwards: a place of this server, whatever the address says. */
function next(search: string): string {
  const asked = new URLSearchParams(search).get('next') ?? '/'
  return /^\/(?![/\\])[!-~]*$/.test(asked) ? asked : '/'
}

interface Methods {
  link: boolean
  token: boolean
  oidc: boolean
}

export default function Login() {
  useTitle('Sign in')
  const methods = useQuery<Methods>({
    queryKey: ['/login/methods'],
    queryFn: () => fetch('/login/methods').then((answer) => answer.json() as Promise<Methods>),
  }).data
  const [token, setToken] = useState('')
  const error = new URLSearchParams(window.location.search).get('error')
  const send = useMutation<null, Problem>({
    mutationFn: () => change('POST', '/session', '', { token: token.trim() }),
    onSuccess: () => window.location.assign(next(window.location.search)),
  })
  return (
    <main className="alone login">
      <img src="/icon.svg" alt="" width="40" height="40" />
      <h1>Sign in to sv0</h1>
      {error && (
        <p className="note bad" role="alert">
          {ERRORS[error] ?? 'The sign-in failed.'}
        </p>
      )}
      {methods?.link && (
        <p>
          On this machine: open the link that <code>sv0 serve</code> printed. It holds for one browser; the terminal shows the next.
        </p>
      )}
      {methods?.oidc && (
        <a className="button primary" href={`/login/oidc?next=${encodeURIComponent(next(window.location.search))}`}>
          Sign in with your identity provider
        </a>
      )}
      {methods?.token && <form
        onSubmit={(event) => {
          event.preventDefault()
          send.mutate()
        }}
      >
        <label className="field">
          <span>API token</span>
          <input type="password" autoComplete="off" value={token} onChange={(event) => setToken(event.target.value)} placeholder="sv0_…" />
        </label>
        <button type="submit" className="primary" disabled={!token.trim() || send.isPending}>
          Sign in
        </button>
      </form>}
      {send.error && <Failed problem={send.error.status === 401 ? Object.assign(send.error, { status: 422 }) : send.error} />}
    </main>
  )
}
