// What most ways to sensitive data go through: where one change helps most.

import { useGet, type Schema } from '../api'
import { EntityLink } from '../parts/entity'
import { EntityField } from '../parts/form'
import { Answered, Nothing } from '../parts/state'
import { useParam, useTitle } from '../session'
import { plural, verb } from '../words'
import { Link } from 'wouter'
import { useState } from 'react'

export default function ChokePoints() {
  useTitle('Choke points')
  const [to, setTo] = useParam('to')
  const [draft, setDraft] = useState(to)
  const query = useGet('/choke-points', { to: to || undefined, limit: 20 })
  return (
    <>
      <h1>Choke points</h1>
      <p className="muted">The hops and statements that most ways to {to ? 'it' : 'sensitive data'} go through, and how many ways each alone would cut.</p>
      <form
        className="ask"
        onSubmit={(event) => {
          event.preventDefault()
          setTo(draft.trim() || null)
        }}
      >
        <EntityField key={to} label="Ways to" hint="empty is all sensitive data" value={to} onChange={setDraft} />
        <button type="submit" className="primary">
          Look
        </button>
      </form>
      <Answered query={query} rows={12}>
        {(answer) =>
          answer.pairs === 0 ? (
            <Nothing>No origin reaches it, of what could be read.</Nothing>
          ) : (
            <>
              <p className="big">
                {plural(answer.origins, 'origin')} {answer.origins === 1 ? 'reaches' : 'reach'} {plural(answer.targets, 'target')}: {plural(answer.pairs, 'pair')}.
              </p>
              {answer.limited.map((text) => (
                <p key={text} className="note warn">
                  {text}
                </p>
              ))}
              <div className="columns">
                <section className="panel">
                  <h2>Statements</h2>
                  <ul className="rows">
                    {answer.statements.map((one, n) => (
                      <li key={n} className="choke">
                        <Cut cut={one.cut} of={answer.pairs} exact={one.exact} />
                        <span className="entity-words">
                          <span className="name">
                            {one.policy} {one.sid ? `“${one.sid}”` : one.json_path}
                          </span>
                          <span className="muted">
                            {one.aws_managed ? 'AWS managed' : (one.account ?? '')} · on {plural(one.pairs, 'way')}
                            <Example examples={one.examples} />
                          </span>
                          {!one.aws_managed && <Link href={`/what-if?policy_id=${encodeURIComponent(one.policy_id)}&policy=${encodeURIComponent(one.policy)}`}>Edit it in What if</Link>}
                        </span>
                      </li>
                    ))}
                  </ul>
                </section>
                <section className="panel">
                  <h2>Hops</h2>
                  <ul className="rows">
                    {answer.hops.map((one, n) => (
                      <li key={n} className="choke">
                        <Cut cut={one.cut} of={answer.pairs} exact />
                        <span className="entity-words">
                          <span className="route">
                            <EntityLink entity={one.from} bare /> <span className="muted">{verb(one.edge)}</span> <EntityLink entity={one.to} bare />
                          </span>
                          <span className="muted">
                            on {plural(one.pairs, 'way')}
                            <Example examples={one.examples} />
                          </span>
                        </span>
                      </li>
                    ))}
                  </ul>
                </section>
              </div>
            </>
          )
        }
      </Answered>
    </>
  )
}

function Cut({ cut, of, exact }: { cut: number; of: number; exact: boolean }) {
  return (
    <span className="cut">
      <strong>
        {exact ? '' : '≤ '}
        {cut.toLocaleString('en')}
      </strong>
      <span className="muted">cut, {Math.round((100 * cut) / Math.max(1, of))} %</span>
    </span>
  )
}

function Example({ examples }: { examples: Schema<'Example'>[] }) {
  const first = examples[0]
  return first ? ` · such as ${first.origin.name} to ${first.target.name}` : null
}
