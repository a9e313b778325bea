// What is different from an earlier snapshot.

import { useGet } from '../api'
import { SeverityBadge } from '../parts/badges'
import { FindingRow } from '../parts/finding-row'
import { Answered, Nothing } from '../parts/state'
import { useMeta, useTitle } from '../session'
import { plural, time } from '../words'
import { Differences } from './what-if'

export default function Compare() {
  useTitle('Compare')
  const meta = useMeta()
  const query = useGet('/compare', {})
  return (
    <>
      <h1>Compare</h1>
      {meta.compare && (
        <p className="muted">
          From {meta.compare.name} {meta.compare.observed_at && `(${time(meta.compare.observed_at)})`} to {meta.snapshot.name} {meta.snapshot.observed_at && `(${time(meta.snapshot.observed_at)})`}
        </p>
      )}
      <Answered query={query}>
        {(different) => (
          <>
            <section className="panel">
              <h2>What changed</h2>
              {different.changes.length === 0 && <Nothing>The configuration is the same.</Nothing>}
              <ul className="notes">
                {different.changes.map((text) => (
                  <li key={text}>{text}</li>
                ))}
                {different.notes.map((text) => (
                  <li key={text}>{text}</li>
                ))}
              </ul>
            </section>
            <div className="columns">
              <Differences name="Access gained" kind="bad" total={different.gained_total} list={different.gained} />
              <Differences name="Access lost" kind="good" total={different.lost_total} list={different.lost} />
            </div>
            <div className="columns">
              <section className="panel">
                <h2>{plural(different.new_findings.length, 'new or heavier finding')}</h2>
                <ul className="rows">
                  {different.new_findings.map((finding) => (
                    <FindingRow key={finding.id} finding={finding} />
                  ))}
                </ul>
              </section>
              <section className="panel">
                <h2>{plural(different.gone_findings.length, 'finding')} gone</h2>
                <ul className="rows">
                  {different.gone_findings.map((finding) => (
                    <li key={finding.id} className="finding-row">
                      <SeverityBadge severity={finding.severity} />
                      <span>{finding.title}</span>
                    </li>
                  ))}
                </ul>
              </section>
            </div>
          </>
        )}
      </Answered>
    </>
  )
}
