// Who can do this to that: directly, through chains; and who is stopped.

import { useState } from 'react'
import { Link } from 'wouter'
import { useGet, type Answer } from '../api'
import { VerdictBadge } from '../parts/badges'
import { EntityLink } from '../parts/entity'
import { ActionField, EntityField } from '../parts/form'
import { Conditions, Statements } from '../parts/hop'
import { Answered, Gaps, Nothing } from '../parts/state'
import { useParam, useTitle } from '../session'
import { plural } from '../words'

export default function WhoCan() {
  useTitle('Who can')
  const [action, setAction] = useParam('action')
  const [resource, setResource] = useParam('resource')
  const [draft, setDraft] = useState({ action, resource })
  return (
    <>
      <h1>Who can</h1>
      <form
        className="ask"
        onSubmit={(event) => {
          event.preventDefault()
          setAction(draft.action.trim() || null)
          setResource(draft.resource.trim() || null)
        }}
      >
        <ActionField key={`a${action}`} value={action} onChange={(text) => setDraft((now) => ({ ...now, action: text }))} />
        <EntityField key={`r${resource}`} label="On" hint="a bucket, table, secret, role …" value={resource} onChange={(text) => setDraft((now) => ({ ...now, resource: text }))} />
        <button type="submit" className="primary">
          Ask
        </button>
      </form>
      {action && resource ? <Asked action={action} resource={resource} /> : <Nothing>Such as s3:GetObject on a bucket, kms:Decrypt on a key, sts:AssumeRole on a role. The action may have wildcards.</Nothing>}
    </>
  )
}

function Asked({ action, resource }: { action: string; resource: string }) {
  const query = useGet('/who-can', { action, resource, limit: 300 })
  return (
    <Answered query={query} rows={10}>
      {(who) => <Who who={who} />}
    </Answered>
  )
}

function Who({ who }: { who: Answer<'/who-can'> }) {
  const why = (principal: string) => `/explain?principal=${encodeURIComponent(principal)}&action=${encodeURIComponent(who.action)}&resource=${encodeURIComponent(who.resource)}`
  const single = !/[*?]/.test(who.action)
  return (
    <>
      <p className="big">
        {who.totals.direct + who.totals.through === 0 ? 'Nobody that was collected.' : `${plural(who.totals.direct, 'principal')} by their own policies, ${who.totals.through} more through others. ${who.totals.stopped} granted it by one policy and stopped by another.`}
      </p>
      <Gaps gaps={who.coverage_gaps} />
      <section className="panel">
        <h2>
          By their own policies <span className="muted">{who.totals.direct}</span>
        </h2>
        <ul className="rows">
          {who.direct.map((one, n) => (
            <li key={n}>
              <div className="split">
                <EntityLink entity={one.principal} />
                <span className="marks">
                  {one.scope !== who.resource && <code>{one.scope}</code>}
                  <VerdictBadge verdict={one.verdict} />
                  {single && <Link href={why(one.principal.id)}>Why</Link>}
                </span>
              </div>
              <Conditions conditions={one.conditions} />
              <details>
                <summary className="muted">{plural(one.statements.length, 'deciding statement')}</summary>
                <Statements statements={one.statements} />
              </details>
            </li>
          ))}
        </ul>
      </section>
      <section className="panel">
        <h2>
          Through others <span className="muted">{who.totals.through}</span>
        </h2>
        <ul className="rows">
          {who.through.map((one, n) => (
            <li key={n}>
              <div className="split">
                <EntityLink entity={one.origin} />
                <span className="marks">
                  <span className="muted">as {one.as_principal.name}</span>
                  <VerdictBadge verdict={one.verdict} />
                </span>
              </div>
              <ol className="muted steps">
                {one.chain.map((text) => (
                  <li key={text}>{text}</li>
                ))}
              </ol>
              <Conditions conditions={one.conditions} />
            </li>
          ))}
        </ul>
      </section>
      {who.stopped.length > 0 && (
        <section className="panel">
          <h2>
            Stopped <span className="muted">{who.totals.stopped}</span>
          </h2>
          <ul className="rows">
            {who.stopped.map((one, n) => (
              <li key={n}>
                <div className="split">
                  <EntityLink entity={one.principal} />
                  {single && <Link href={why(one.principal.id)}>Why</Link>}
                </div>
                {one.blocked_by.map((blocked) => (
                  <p key={blocked.text} className="stopped-by">
                    {blocked.text}
                  </p>
                ))}
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  )
}
