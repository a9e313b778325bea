// Why a principal can, or cannot, do something: every layer, every statement.

import { Link } from 'wouter'
import { useGet } from '../api'
import { VerdictBadge } from '../parts/badges'
import { EntityLink } from '../parts/entity'
import { Blocked, Conditions, Statements } from '../parts/hop'
import { Answered, Gaps } from '../parts/state'
import { useParam, useTitle } from '../session'

const OUTCOMES: Record<string, string> = { allows: 'allowed', 'may allow': 'allowed_if', denies: 'denied', 'may deny': 'denied' }

export default function Explain() {
  const [principal] = useParam('principal')
  const [action] = useParam('action')
  const [resource] = useParam('resource')
  useTitle('Why')
  const query = useGet('/explain', { principal, action, resource })
  return (
    <Answered query={query}>
      {(answer) => (
        <>
          <p className="crumbs">
            <Link href={`/who-can?action=${encodeURIComponent(action)}&resource=${encodeURIComponent(resource)}`}>Who can</Link>
          </p>
          <h1>
            Why {answer.principal.name} {answer.verdict === 'denied' ? 'cannot' : 'can'} {answer.action}
          </h1>
          <div className="facts-line">
            <EntityLink entity={answer.principal} />
            <span className="muted">on {answer.resource}</span>
            <VerdictBadge verdict={answer.verdict} />
          </div>
          <Blocked blocked={answer.blocked_by} />
          {answer.conditions.length > 0 && (
            <section className="panel">
              <h2>What would have to be true</h2>
              <Conditions conditions={answer.conditions} />
            </section>
          )}
          <ol className="layers">
            {answer.layers.map((layer, n) => (
              <li key={n} className={`panel layer layer-${OUTCOMES[layer.outcome] ?? 'none'}`}>
                <div className="panel-head">
                  <h2>
                    {layer.layer}
                    {layer.level && <span className="muted"> on {layer.level}</span>}
                  </h2>
                  <span className={`badge verdict-${OUTCOMES[layer.outcome] ?? 'none'}`}>{layer.outcome}</span>
                </div>
                {layer.text && <p>{layer.text}</p>}
                {layer.statements.length > 0 && <Statements statements={layer.statements} />}
              </li>
            ))}
          </ol>
          <Gaps gaps={answer.coverage_gaps} />
        </>
      )}
    </Answered>
  )
}
