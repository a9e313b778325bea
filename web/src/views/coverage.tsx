// What could not be read. Absence of data is never shown as safety.

import { Link } from 'wouter'
import { useGet } from '../api'
import { entityHref } from '../parts/entity'
import { Answered } from '../parts/state'
import { useMeta, useTitle } from '../session'
import { plural } from '../words'

export default function Coverage() {
  useTitle('Coverage')
  const meta = useMeta()
  const query = useGet('/coverage', {})
  return (
    <>
      <h1>Coverage</h1>
      <Answered query={query}>
        {(coverage) => (
          <>
            <p className="big">
              {coverage.total === 0 ? 'Everything that was asked for could be read.' : `${plural(coverage.total, 'thing')} could not be read. An answer that one of them may change says so.`}
            </p>
            <p className="muted">
              {plural(meta.accounts.filter((account) => account.collected).length, 'account')} collected; {plural(meta.accounts.filter((account) => !account.collected).length, 'account')} only named by policies.
            </p>
            {coverage.total > 0 && (
              <section className="panel">
                <h2>Not read</h2>
                <div className="table" tabIndex={0} role="region" aria-label="What was not read">
                  <table>
                    <thead>
                      <tr>
                        <th>What</th>
                        <th>Where</th>
                        <th>Why</th>
                        <th>What it could change</th>
                      </tr>
                    </thead>
                    <tbody>
                      {coverage.gaps.map((gap, n) => (
                        <tr key={n}>
                          <td>
                            {gap.service} <code>{gap.call}</code>
                            <p className="muted">{gap.detail}</p>
                          </td>
                          <td>
                            {meta.accounts.find((account) => account.id === gap.account)?.name ?? gap.account} {gap.region}
                          </td>
                          <td>{gap.reason.replaceAll('_', ' ')}</td>
                          <td>{gap.consequence}</td>
                        </tr>
                      ))}
                    </tbody>
                  </table>
                </div>
                {coverage.total > coverage.gaps.length && <p className="muted">and {(coverage.total - coverage.gaps.length).toLocaleString('en')} more</p>}
              </section>
            )}
            <section className="panel">
              <h2>Policies with mistakes</h2>
              {coverage.policy_problems.length === 0 ? (
                <p className="muted">None.</p>
              ) : (
                <ul className="rows">
                  {coverage.policy_problems.map((one, n) => (
                    <li key={n}>
                      <Link href={entityHref(one.holder)}>{one.policy}</Link> <span className="muted">{one.place}</span>
                      <p>{one.problem}</p>
                    </li>
                  ))}
                </ul>
              )}
            </section>
          </>
        )}
      </Answered>
    </>
  )
}
