// What decides a hop: its sentence, statements in their documents, conditions, evidence, and what stops it.

import { useState } from 'react'
import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components'
import { Link } from 'wouter'
import { useGet, type Condition, type Hop, type Path, type Schema, type Statement } from '../api'
import { evidence, evidenceWords, plural, time } from '../words'
import { VerdictBadge } from './badges'
import { PolicyText } from './code'
import { EntityLink } from './entity'
import { Answered } from './state'

export function Conditions({ conditions }: { conditions: Condition[] }) {
  if (conditions.length === 0) return null
  return (
    <ul className="conditions">
      {conditions.map((condition, n) => (
        <li key={n}>
          {condition.text}
          {condition.key && (
            <code className="muted">
              {' '}
              {condition.operator} {condition.key}
              {condition.values && condition.values.length > 0 && `: ${condition.values.join(', ')}`}
            </code>
          )}
        </li>
      ))}
    </ul>
  )
}

export function Blocked({ blocked }: { blocked: Schema<'BlockedBy'>[] }) {
  if (blocked.length === 0) return null
  return (
    <div className="note good">
      <h3>What stops it</h3>
      <ul>
        {blocked.map((one, n) => (
          <li key={n}>
            {one.text} <span className="muted">({one.layer}{one.explicit ? ', denied' : ', not allowed'})</span>
          </li>
        ))}
      </ul>
    </div>
  )
}

/** Statements, each in its document, one at a time. */
export function Statements({ statements }: { statements: Statement[] }) {
  const [at, setAt] = useState('0')
  if (statements.length === 0) return null
  return (
    <Tabs selectedKey={at} onSelectionChange={(key) => setAt(String(key))} className="statements">
      <TabList aria-label="Deciding statements">
        {statements.map((statement, n) => (
          <Tab key={n} id={String(n)} className="tab">
            <span className={`effect effect-${statement.effect.toLowerCase()}`}>{statement.effect}</span> {statement.policy}
            {statement.sid && ` “${statement.sid}”`}
          </Tab>
        ))}
      </TabList>
      {statements.map((statement, n) => (
        <TabPanel key={n} id={String(n)}>
          <p className="muted">
            {layerName(statement.layer)}
            {statement.via && ` through ${statement.via}`}, {statement.json_path}
          </p>
          <StatementText statement={statement} />
        </TabPanel>
      ))}
    </Tabs>
  )
}

function layerName(layer: string): string {
  const names: Record<string, string> = {
    identity: 'Identity policy',
    boundary: 'Permissions boundary',
    session: 'Session policy',
    scp: 'Service control policy',
    rcp: 'Resource control policy',
    resource: 'Resource policy',
    endpoint: 'VPC endpoint policy',
  }
  return names[layer] ?? layer
}

function StatementText({ statement }: { statement: Statement }) {
  const query = useGet('/document', { policy_id: statement.policy_id, policy: statement.policy })
  return (
    <Answered query={query} rows={4}>
      {(document) => (
        <>
          <PolicyText json={document.json} mark={statement.json_path} />
          {document.holder && !document.aws_managed && (
            <p>
              <Link href={`/what-if?policy_id=${encodeURIComponent(document.policy_id)}&slot=${document.slot}&policy=${encodeURIComponent(document.name)}`}>Edit it in What if</Link>
            </p>
          )}
        </>
      )}
    </Answered>
  )
}

export function HopPanel({ hop, path, n }: { hop: Hop; path: Path; n: number }) {
  const last = n === path.hops.length - 1
  const seen = evidence(hop)
  const blocked = last && path.verdict === 'denied' ? path.blocked_by : []
  return (
    <section className="panel hop-panel" aria-label={`Hop ${n + 1}`} aria-live="polite">
      <div className="panel-head">
        <h2>
          Hop {n + 1} of {path.hops.length}
        </h2>
        <VerdictBadge verdict={hop.verdict} />
      </div>
      <p className="big">{hop.text}</p>
      {hop.confidence === 'inferred' && <p className="note">This hop is inferred: the configuration does not say it outright.</p>}
      <Blocked blocked={blocked} />
      {(hop.conditions?.length ?? 0) > 0 && (
        <>
          <h3>Only if</h3>
          <Conditions conditions={hop.conditions ?? []} />
        </>
      )}
      <h3>Who says so</h3>
      {(hop.statements?.length ?? 0) > 0 ? <Statements statements={hop.statements ?? []} /> : <p className="muted">No policy statement: it is how things are configured.</p>}
      <h3>Did it ever happen?</h3>
      <p>{evidenceWords(seen)}</p>
      {seen?.status === 'seen' && <Seen hop={hop} actions={seen.actions} />}
      <p className="hop-links">
        <EntityLink entity={hop.from} /> <span aria-hidden="true">→</span> <EntityLink entity={hop.to} />
      </p>
    </section>
  )
}

/** Who really did it. */
function Seen({ hop, actions }: { hop: Hop; actions: string[] }) {
  const [open, setOpen] = useState(false)
  const action = actions[0] ?? '*'
  const query = useGet('/who-did', { action, resource: hop.to.id }, { enabled: open })
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Who really did it ({action})</summary>
      {open && (
        <Answered query={query} rows={3}>
          {(did) => <WhoDid did={did} />}
        </Answered>
      )}
    </details>
  )
}

export function WhoDid({ did }: { did: Schema<'Did'> }) {
  if (did.lines.length === 0) return <p>{did.otherwise}</p>
  return (
    <ul className="rows">
      {did.lines.slice(0, 30).map((line, n) => (
        <li key={n}>
          <p>
            <strong>{whoShort(line.who)}</strong> {plural(line.count, 'time')}, last {time(line.last)} from {line.last_address}
            {line.outcome !== 'success' && ` (${line.outcome.replaceAll('_', ' ')})`}
          </p>
          <ol className="muted">
            {line.chain.map((link, m) => (
              <li key={m}>
                {short(link.from)} → {short(link.to)} by {link.mechanism} at {time(link.time)}
              </li>
            ))}
            <li>
              {short(line.principal)} called {line.event_name} on {line.resource}
            </li>
          </ol>
        </li>
      ))}
    </ul>
  )
}

/** Who started a chain, without the beginning of an ARN. */
export function whoShort(who: string): string {
  return who.replace(/^arn:\S*\//, '')
}

export function short(arn: string): string {
  return arn.split('/').pop() || arn
}
