// What is at risk now.

import { Link } from 'wouter'
import { useGet, type Answer } from '../api'
import { SensitivityBadge, SEVERITIES } from '../parts/badges'
import { EntityLink } from '../parts/entity'
import { FindingRow } from '../parts/finding-row'
import { Answered, Nothing } from '../parts/state'
import { useTitle } from '../session'
import { kindLabel, plural, time } from '../words'

type Stands = Answer<'/overview'>

export function Overview() {
  useTitle('Overview')
  const query = useGet('/overview', {})
  return (
    <>
      <h1 className="sr">Overview</h1>
      <Answered query={query} rows={12}>
        {(stands) => <Standing stands={stands} />}
      </Answered>
    </>
  )
}

function sentence(stands: Stands): string {
  const urgent = (stands.findings.critical ?? 0) + (stands.findings.high ?? 0)
  const restricted = stands.exposures.filter((one) => one.sensitivity === 'restricted')
  const outside = stands.exposures.filter((one) => Object.keys(one.origins).some((kind) => OUTSIDE.includes(kind)))
  const first = urgent === 0 ? 'Nothing critical or high was found.' : `${plural(urgent, 'finding')} ${urgent === 1 ? 'is' : 'are'} critical or high.`
  const reached = stands.exposures.length
  const second = reached ? ` ${plural(reached, 'piece')} of sensitive data can be reached, ${restricted.length} of them restricted` : ' No sensitive data that is known as such can be reached'
  const third = outside.length ? `; ${outside.length} from outside the organization.` : '.'
  return first + second + third
}

const OUTSIDE = ['anonymous', 'external_account', 'external_principal']
const FEDERATED = ['oidc_provider', 'oidc_subject', 'saml_provider', 'saml_subject', 'external_workload']

function Standing({ stands }: { stands: Stands }) {
  return (
    <>
      <p className="lead">{sentence(stands)}</p>
      <section className="tiles" aria-label="Findings by severity">
        {SEVERITIES.map((severity) => (
          <Link key={severity} href={`/findings?severity=${severity}`} className={`tile tile-${severity}`}>
            <strong>{(stands.findings[severity] ?? 0).toLocaleString('en')}</strong>
            <span>{severity}</span>
          </Link>
        ))}
        {(stands.findings.suppressed ?? 0) > 0 && (
          <Link href="/findings?status=suppressed" className="tile">
            <strong>{stands.findings.suppressed}</strong>
            <span>accepted</span>
          </Link>
        )}
      </section>
      <div className="columns">
        <section className="panel">
          <div className="panel-head">
            <h2>Decide about these first</h2>
            <Link href="/findings">All findings</Link>
          </div>
          {stands.top.length === 0 && <Nothing>No finding counts. That is of what could be read: see the coverage below.</Nothing>}
          <ul className="rows">
            {stands.top.map((finding) => (
              <FindingRow key={finding.id} finding={finding} />
            ))}
          </ul>
        </section>
        <div className="stack">
          <Exposed stands={stands} />
          <section className="panel">
            <h2>How much of it is known</h2>
            <dl className="facts">
              <dt>Configuration</dt>
              <dd>
                {stands.coverage.gaps === 0 ? (
                  'Everything that was asked for could be read.'
                ) : (
                  <>
                    <Link href="/coverage">{plural(stands.coverage.gaps, 'gap')}</Link>: {Object.entries(stands.coverage.by_reason).map(([reason, count]) => `${count} ${reason.replaceAll('_', ' ')}`).join(', ')}
                  </>
                )}
              </dd>
              <dt>Evidence</dt>
              <dd>
                {stands.evidence ? (
                  <>
                    <Link href="/evidence">{plural(stands.evidence.events, 'event')}</Link>, the last {time(stands.evidence.last)}; window from {time(stands.evidence.since)}
                    {stands.evidence.problems > 0 && `; ${plural(stands.evidence.problems, 'part')} could not be read`}
                  </>
                ) : (
                  'No CloudTrail was given: whether anything ever happened is unknown.'
                )}
              </dd>
              <dt>Graph</dt>
              <dd>
                {plural(stands.totals.entities, 'entity', 'entities')}, {plural(stands.totals.access, 'pair')} of identity and data, {plural(stands.totals.paths, 'path')}; {plural(stands.totals.denied_paths, 'path')} to sensitive data {stands.totals.denied_paths === 1 ? 'is' : 'are'} stopped by some policy
              </dd>
            </dl>
            {stands.limited.map((text) => (
              <p key={text} className="muted">
                {text}
              </p>
            ))}
          </section>
        </div>
      </div>
    </>
  )
}

const GROUPS: [name: string, one: string, fits: (kind: string) => boolean][] = [
  ['outside', 'outside', (kind) => OUTSIDE.includes(kind)],
  ['federated', 'federated', (kind) => FEDERATED.includes(kind)],
  ['people', 'person', (kind) => /user$/.test(kind)],
  ['roles', 'role', (kind) => /role$|permission_set$/.test(kind)],
  ['workloads', 'workload', () => true],
]

function groupName(name: string, count: number): string {
  return count === 1 ? GROUPS.find(([many]) => many === name)![1] : name
}

export function originGroups(origins: Record<string, number>): [string, number][] {
  const sums = new Map<string, number>(GROUPS.map(([name]) => [name, 0]))
  for (const [kind, count] of Object.entries(origins)) {
    const group = GROUPS.find(([, , fits]) => fits(kind))![0]
    sums.set(group, sums.get(group)! + count)
  }
  return [...sums].filter(([, count]) => count > 0)
}

function Exposed({ stands }: { stands: Stands }) {
  const most = Math.max(1, ...stands.exposures.map((one) => one.total))
  const rows = stands.exposures.slice(0, 12)
  return (
    <section className="panel">
      <div className="panel-head">
        <h2>Sensitive data, by who reaches it</h2>
        <Link href="/inventory?type=resource">All data</Link>
      </div>
      {rows.length === 0 && <Nothing>No data is known to be sensitive. Tags and rules say what is.</Nothing>}
      <p className="legend" aria-hidden="true">
        {GROUPS.map(([name]) => (
          <span key={name} className={`key bar-${name}`}>
            {name}
          </span>
        ))}
      </p>
      <ul className="rows exposures">
        {rows.map((one) => (
          <li key={one.resource.id}>
            <div className="exposure-head">
              <EntityLink entity={one.resource} />
              <SensitivityBadge sensitivity={one.sensitivity} />
            </div>
            <div className="bar-row">
              <span className="bar" style={{ width: `${(one.total / most) * 100}%` }} aria-hidden="true">
                {originGroups(one.origins).map(([name, count]) => (
                  <span key={name} className={`bar-${name}`} style={{ flexGrow: count }} />
                ))}
              </span>
              <span className="muted" title={Object.entries(one.origins).map(([kind, count]) => `${count} × ${kindLabel(kind)}`).join(', ')}>
                {originGroups(one.origins).map(([name, count]) => `${count} ${groupName(name, count)}`).join(', ')}
              </span>
            </div>
          </li>
        ))}
      </ul>
    </section>
  )
}
