// One authority path: the chain, and what decides each hop of it.

import { useState } from 'react'
import { Link } from 'wouter'
import { useGet, type Path } from '../api'
import { Levels, SensitivityBadge, VerdictBadge } from '../parts/badges'
import { Chain } from '../parts/chain'
import { EntityLink } from '../parts/entity'
import { Blocked, Conditions, HopPanel } from '../parts/hop'
import { Answered, Gaps } from '../parts/state'
import { useParam, useTitle } from '../session'
import { plural, time } from '../words'

export default function PathView() {
  const [id] = useParam('id')
  const [from] = useParam('from')
  const [to] = useParam('to')
  const query = useGet('/path', { id, from, to })
  useTitle(query.data ? `${query.data.origin.name} → ${query.data.target.name}` : 'Path')
  return <Answered query={query}>{(path) => <Whole path={path} />}</Answered>
}

function Whole({ path }: { path: Path }) {
  const [open, setOpen] = useState<number | null>(() => decisive(path))
  const hop = open === null ? undefined : path.hops[open]
  return (
    <>
      <h1>
        <span className="muted">Path </span>
        {path.origin.name} → {path.target.name}
      </h1>
      <PathFacts path={path} />
      <section className={`panel path-panel${path.verdict === 'denied' ? ' stopped' : ''}`} aria-label="The chain">
        <Chain path={path} open={open} onOpen={(n) => setOpen(open === n ? null : n)} />
      </section>
      <p className="muted">Choose a hop to see who says so, under which condition, and whether it ever happened.</p>
      {path.verdict === 'denied' && open !== path.hops.length - 1 && <Blocked blocked={path.blocked_by} />}
      {hop && open !== null && <HopPanel key={open} hop={hop} path={path} n={open} />}
      {path.condition.length > 0 && (
        <section className="panel">
          <h2>What would have to be true</h2>
          <Conditions conditions={path.condition} />
        </section>
      )}
      <section className="panel">
        <h2>What can be done at the end</h2>
        <Levels levels={path.access_levels} />
        <Actions actions={path.actions} />
      </section>
      <Gaps gaps={path.coverage_gaps} />
      <p className="links">
        <Link href={`/paths?from=${encodeURIComponent(path.origin.id)}&to=${encodeURIComponent(path.target.id)}`}>All routes between the two</Link>
        <Link href={`/paths?from=${encodeURIComponent(path.origin.id)}&to=${encodeURIComponent(path.target.id)}&blocked=true`}>What is stopped on the way</Link>
      </p>
    </>
  )
}

/** The hop that one wants to see first: what stops it, what hangs on a condition, else the last. */
function decisive(path: Path): number {
  const stopped = path.hops.findIndex((hop) => hop.verdict === 'denied')
  if (stopped >= 0) return stopped
  const conditional = path.hops.findIndex((hop) => hop.verdict === 'allowed_if')
  return conditional >= 0 ? conditional : path.hops.length - 1
}

export function Actions({ actions }: { actions: string[] }) {
  const [all, setAll] = useState(false)
  if (actions.length === 0) return null
  const shown = all ? actions : actions.slice(0, 8)
  return (
    <p className="actions">
      {shown.map((action) => (
        <code key={action}>{action === '*' ? 'everything' : action}</code>
      ))}
      {actions.length > shown.length && (
        <button type="button" className="quiet" onClick={() => setAll(true)}>
          and {actions.length - shown.length} more
        </button>
      )}
    </p>
  )
}

export function PathFacts({ path }: { path: Path }) {
  const used = path.execution_30d
  return (
    <div className="facts-line">
      <EntityLink entity={path.origin} />
      <span aria-hidden="true">→</span>
      <EntityLink entity={path.target} />
      <VerdictBadge verdict={path.verdict} />
      <SensitivityBadge sensitivity={path.sensitivity} />
      {path.data_domain && <span className="badge">{path.data_domain}</span>}
      {path.cross_account_hops > 0 && <span className="badge">{plural(path.cross_account_hops, 'account border')}</span>}
      {path.deep_trust_chain && <span className="badge severity-high">deep trust chain</span>}
      {path.egress_category === 'llm' && <span className="badge">a language model is on the way</span>}
      {used !== null && used !== undefined ? (
        <span className={used > 0 ? 'used' : 'muted'}>{used > 0 ? `used ${plural(used, 'time')} in 30 days, last ${time(path.last_execution_at)}` : 'not used along this chain in 30 days'}</span>
      ) : (
        <span className="muted">whether it was used is unknown</span>
      )}
    </div>
  )
}
