// The frame: what is served, to whom, where one can go, and the search that is everywhere.

import { lazy, Suspense, useEffect, useRef, useState } from 'react'
import { Link, Route, Switch, useLocation } from 'wouter'
import { change, useGet, type Meta } from './api'
import { Session } from './session'
import { SearchField } from './parts/search-field'
import { Failed, Waiting } from './parts/state'
import { ThemeSwitch } from './parts/theme'
import { learnKinds, time } from './words'
import { Overview } from './views/overview'

const EntityView = lazy(() => import('./views/entity'))
const Findings = lazy(() => import('./views/findings'))
const FindingView = lazy(() => import('./views/finding'))
const PathsView = lazy(() => import('./views/paths'))
const PathView = lazy(() => import('./views/path'))
const WhoCan = lazy(() => import('./views/who-can'))
const Explain = lazy(() => import('./views/explain'))
const WhatIf = lazy(() => import('./views/what-if'))
const Compare = lazy(() => import('./views/compare'))
const ChokePoints = lazy(() => import('./views/choke-points'))
const Coverage = lazy(() => import('./views/coverage'))
const EvidenceView = lazy(() => import('./views/evidence'))
const SearchView = lazy(() => import('./views/search'))
const Inventory = lazy(() => import('./views/inventory'))
const Login = lazy(() => import('./views/login'))

const PLACES: [href: string, name: string][] = [
  ['/', 'Overview'],
  ['/findings', 'Findings'],
  ['/inventory', 'Inventory'],
  ['/paths', 'Paths'],
  ['/who-can', 'Who can'],
  ['/choke-points', 'Choke points'],
  ['/what-if', 'What if'],
  ['/compare', 'Compare'],
  ['/evidence', 'Evidence'],
  ['/coverage', 'Coverage'],
]

export function App() {
  const [location] = useLocation()
  const meta = useGet('/meta', {})
  if (location === '/login') {
    return (
      <Suspense fallback={<Waiting />}>
        <Login />
      </Suspense>
    )
  }
  if (meta.error) {
    return (
      <main className="alone">
        <Failed problem={meta.error} retry={() => void meta.refetch()} />
      </main>
    )
  }
  if (!meta.data) return <main className="alone"><Waiting rows={3} /></main>
  learnKinds(meta.data.kinds)
  return (
    <Session.Provider value={meta.data}>
      <Frame meta={meta.data} />
    </Session.Provider>
  )
}

function Frame({ meta }: { meta: Meta }) {
  const [location] = useLocation()
  const main = useRef<HTMLElement>(null)
  const first = useRef(true)
  const [menu, setMenu] = useState(false)
  // A new view begins at its top, and a screen reader is told of it.
  useEffect(() => {
    setMenu(false)
    if (first.current) {
      first.current = false
      return
    }
    window.scrollTo(0, 0)
    main.current?.focus({ preventScroll: true })
  }, [location])
  const here = (href: string) => (href === '/' ? location === '/' : location.startsWith(href))
  return (
    <div className="frame">
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <header>
        <button type="button" className="menu" aria-expanded={menu} aria-controls="places" onClick={() => setMenu(!menu)}>
          <svg viewBox="0 0 16 16" width="18" height="18" aria-hidden="true">
            <path d="M2 4h12M2 8h12M2 12h12" />
          </svg>
          <span className="sr">Menu</span>
        </button>
        <Link href="/" className="logo" aria-label="sv0, overview">
          <img src="/icon.svg" alt="" width="24" height="24" />
          <span>sv0</span>
        </Link>
        <SearchField />
        <div className="header-end">
          <ThemeSwitch />
          <details className="who">
            <summary>
              {meta.user.name.replace(/^token:/, '')} <span className="muted">{meta.user.role}</span>
            </summary>
            <div className="who-menu">
              <p>
                Signed in by {meta.user.method === 'link' ? 'the printed link' : meta.user.method === 'oidc' ? 'your identity provider' : 'an API token'} as {meta.user.role}.
              </p>
              <button
                type="button"
                onClick={() => void change('DELETE', '/session', meta.csrf).then(() => window.location.assign('/login'))}
              >
                Sign out
              </button>
            </div>
          </details>
        </div>
      </header>
      <nav id="places" className={menu ? 'open' : ''} aria-label="Views">
        <ul>
          {PLACES.filter(([href]) => href !== '/compare' || meta.compare).map(([href, name]) => (
            <li key={href}>
              <Link href={href} aria-current={here(href) ? 'page' : undefined}>
                {name}
              </Link>
            </li>
          ))}
        </ul>
        <div className="snapshot">
          <p className="muted">Snapshot</p>
          <p>{meta.snapshot.name}</p>
          {meta.snapshot.observed_at && <p className="muted">collected {time(meta.snapshot.observed_at)}</p>}
          {meta.evidence ? (
            <p className="muted">evidence until {time(meta.evidence.until)}</p>
          ) : (
            <p className="muted">no CloudTrail: whether it ever happened is unknown</p>
          )}
        </div>
      </nav>
      <main id="main" ref={main} tabIndex={-1}>
        <Suspense fallback={<Waiting />}>
          <Switch>
            <Route path="/" component={Overview} />
            <Route path="/search" component={SearchView} />
            <Route path="/entity" component={EntityView} />
            <Route path="/findings" component={Findings} />
            <Route path="/findings/:id">{({ id }) => <FindingView key={id} id={id} />}</Route>
            <Route path="/inventory" component={Inventory} />
            <Route path="/paths" component={PathsView} />
            <Route path="/path" component={PathView} />
            <Route path="/who-can" component={WhoCan} />
            <Route path="/explain" component={Explain} />
            <Route path="/what-if" component={WhatIf} />
            <Route path="/compare" component={Compare} />
            <Route path="/choke-points" component={ChokePoints} />
            <Route path="/coverage" component={Coverage} />
            <Route path="/evidence" component={EvidenceView} />
            <Route>
              <h1>There is no such page</h1>
              <p>
                <Link href="/">Overview</Link>
              </p>
            </Route>
          </Switch>
        </Suspense>
      </main>
    </div>
  )
}
