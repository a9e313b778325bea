// Authority paths from, to or between entities.

import { useState } from 'react'
import { Link } from 'wouter'
import { get, useGet, type Answer, type Path, type Query } from '../api'
import { Levels, SensitivityBadge, VerdictBadge } from '../parts/badges'
import { EntityLink } from '../parts/entity'
import { EntityField } from '../parts/form'
import { Answered, Nothing } from '../parts/state'
import { useParam, useTitle } from '../session'
import { plural, verb } from '../words'

export function pathHref(path: { id: string; origin: { id: string }; target: { id: string } }): string {
  const id = encodeURIComponent
  return `/path?id=${id(path.id)}&from=${id(path.origin.id)}&to=${id(path.target.id)}`
}

export default function PathsView() {
  const [from, setFrom] = useParam('from')
  const [to, setTo] = useParam('to')
  const [blocked, setBlocked] = useParam('blocked')
  useTitle('Paths')
  const [draft, setDraft] = useState({ from, to })
  return (
    <>
      <h1>Paths</h1>
      <form
        className="ask"
        onSubmit={(event) => {
          event.preventDefault()
          setFrom(draft.from.trim() || null)
          setTo(draft.to.trim() || null)
        }}
      >
        <EntityField key={`from${from}`} label="From" hint="who or what; empty is anybody" value={from} onChange={(text) => setDraft((now) => ({ ...now, from: text }))} />
        <EntityField key={`to${to}`} label="To" hint="what is reached; empty is any data" value={to} onChange={(text) => setDraft((now) => ({ ...now, to: text }))} />
        <label className="check">
          <input type="checkbox" checked={blocked === 'true'} onChange={(event) => setBlocked(event.target.checked ? 'true' : null)} />
          What is stopped instead
        </label>
        <button type="submit" className="primary">
          Find paths
        </button>
      </form>
      {from || to ? (
        <Found key={`${from} ${to} ${blocked}`} asked={{ from: from || undefined, to: to || undefined, blocked: blocked === 'true' || undefined, limit: 50 }} />
      ) : (
        <Nothing>Say where authority starts, what is reached, or both. A group stands for its members, an account for what is in it.</Nothing>
      )}
    </>
  )
}

function Found({ asked }: { asked: Query<'/paths'> }) {
  const query = useGet('/paths', asked)
  return (
    <Answered query={query} rows={8}>
      {(first) => <List asked={asked} first={first} />}
    </Answered>
  )
}

function List({ asked, first }: { asked: Query<'/paths'>; first: Answer<'/paths'> }) {
  const [pages, setPages] = useState([first])
  const paths = pages.flatMap((page) => page.items)
  const next = pages[pages.length - 1]!.next
  return (
    <>
      {first.notes.map((note) => (
        <p key={note} className="muted">
          {note}
        </p>
      ))}
      {paths.length === 0 ? (
        <None answer={first} blocked={asked.blocked === true} />
      ) : (
        <>
          <p className="muted">
            {first.at_least ? 'At least ' : ''}
            {plural(first.total, asked.blocked ? 'stopped path' : 'path')}
            {first.more_routes > 0 && `; ${plural(first.more_routes, 'parallel route')} left out`}
          </p>
          <ul className="rows panel">
            {paths.map((path) => (
              <PathRow key={path.id} path={path} />
            ))}
          </ul>
          {next && (
            <button type="button" onClick={() => void get('/paths', { ...asked, cursor: next }).then((page) => setPages([...pages, page]))}>
              Show more
            </button>
          )}
        </>
      )}
    </>
  )
}

function None({ answer, blocked }: { answer: Answer<'/paths'>; blocked: boolean }) {
  const none = answer.no_path
  if (!none) return <Nothing>{blocked ? 'Nothing is stopped on the way.' : 'There is no path, of what could be read.'}</Nothing>
  return (
    <>
      <h2>There is no path</h2>
      {none.nearest ? (
        <>
          <p>This is nearest, and what stops it:</p>
          <ul className="rows panel">
            <PathRow path={none.nearest} />
          </ul>
        </>
      ) : (
        <p>Nor would there be one if a single policy did not stop it.</p>
      )}
      <div className="columns">
        <section className="panel">
          <h2>What is reached from there</h2>
          <Some entities={none.reaches} />
        </section>
        <section className="panel">
          <h2>What leads there</h2>
          <Some entities={none.leads} />
        </section>
      </div>
    </>
  )
}

function Some({ entities }: { entities: Path['origin'][] }) {
  if (entities.length === 0) return <Nothing>Nothing.</Nothing>
  return (
    <ul className="rows">
      {entities.slice(0, 12).map((entity) => (
        <li key={entity.id}>
          <EntityLink entity={entity} />
        </li>
      ))}
    </ul>
  )
}

export function PathRow({ path }: { path: Path }) {
  return (
    <li className={`path-row${path.verdict === 'denied' ? ' off' : ''}`}>
      <div className="split">
        <span className="route">
          <EntityLink entity={path.origin} />
          <span aria-hidden="true">→</span>
          <EntityLink entity={path.target} />
        </span>
        <span className="marks">
          <Levels levels={path.access_levels} />
          <VerdictBadge verdict={path.verdict} />
          {path.sensitivity !== 'unknown' && <SensitivityBadge sensitivity={path.sensitivity} />}
          {typeof path.execution_30d === 'number' && path.execution_30d > 0 && <span className="used">used {path.execution_30d}×</span>}
        </span>
      </div>
      <div className="split through">
        <span className="muted">{inWords(path)}</span>
        <Link className="open-path" href={pathHref(path)}>
          Show the chain<span className="sr"> from {path.origin.name} to {path.target.name}</span>
        </Link>
      </div>
      {path.blocked_by[0] && <p className="stopped-by">stopped: {path.blocked_by[0].text}</p>}
      {path.condition.length > 0 && <p className="condition">if {path.condition.map((one) => one.text).join('; and ')}</p>}
    </li>
  )
}

export function inWords(path: Path): string {
  return [path.origin.name, ...path.hops.map((hop) => `${verb(hop.edge)} ${hop.to.name}`)].join(', ').replace(', ', ' ')
}
