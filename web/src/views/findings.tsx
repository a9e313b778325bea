// Findings: filtered, most severe first.

import { useState } from 'react'
import { get, useGet, type Answer, type Query } from '../api'
import { SEVERITIES } from '../parts/badges'
import { FindingRow } from '../parts/finding-row'
import { useRested } from '../parts/search-field'
import { Answered, Nothing } from '../parts/state'
import { useMeta, useParam, useTitle } from '../session'
import { plural } from '../words'

const FORMATS = [
  ['html', 'HTML report'],
  ['markdown', 'Markdown'],
  ['json', 'JSON'],
  ['sarif', 'SARIF'],
  ['ocsf', 'OCSF'],
  ['asff', 'ASFF (Security Hub)'],
]

export default function Findings() {
  useTitle('Findings')
  const meta = useMeta()
  const [severity, setSeverity] = useParam('severity')
  const [rule, setRule] = useParam('rule')
  const [account, setAccount] = useParam('account')
  const [status, setStatus] = useParam('status')
  const [text, setText] = useState('')
  const words = useRested(text)
  const asked: Query<'/findings'> = {
    severity: severity || undefined,
    rule: rule || undefined,
    account: account || undefined,
    status: (status || undefined) as Query<'/findings'>['status'],
    q: words || undefined,
    limit: 100,
  }
  const query = useGet('/findings', asked, { keep: true })
  const rules = useGet('/rules', {})
  const titles = new Map(rules.data?.map((one) => [one.id, one.title]))
  return (
    <>
      <div className="title">
        <h1>Findings</h1>
        <details className="menu-list">
          <summary>Export</summary>
          <ul>
            {FORMATS.map(([format, name]) => (
              <li key={format}>
                <a href={`/api/v1/export?format=${format}`} download>
                  {name}
                </a>
              </li>
            ))}
          </ul>
        </details>
      </div>
      <Answered query={query} rows={14}>
        {(first) => (
          <div className="with-facets">
            <aside aria-label="Filters">
              <details className="filters-box" open={window.matchMedia('(min-width: 801px)').matches}>
              <summary>Filters</summary>
              <label className="field">
                <span>Words</span>
                <input type="search" value={text} onChange={(event) => setText(event.target.value)} placeholder="a name, a rule …" />
              </label>
              <Facet name="Severity" chosen={severity} choose={setSeverity} options={SEVERITIES.filter((one) => first.facets.severity[one]).map((one) => [one, one, first.facets.severity[one] ?? 0])} />
              <Facet name="Status" chosen={status} choose={setStatus} options={Object.entries(first.facets.status).map(([one, count]) => [one, one === 'suppressed' ? 'accepted' : one, count])} />
              <Facet
                name="Account"
                chosen={account}
                choose={setAccount}
                options={Object.entries(first.facets.account)
                  .filter(([one]) => one)
                  .map(([one, count]) => [one, meta.accounts.find((each) => each.id === one)?.name ?? one, count])}
              />
              <Facet
                name="Rule"
                chosen={rule}
                choose={setRule}
                options={Object.entries(first.facets.rule)
                  .sort((a, b) => b[1] - a[1])
                  .map(([one, count]) => [one, titles.get(one) ?? one, count])}
              />
              </details>
            </aside>
            <Listed key={JSON.stringify(asked)} asked={asked} first={first} />
          </div>
        )}
      </Answered>
    </>
  )
}

function Facet({ name, chosen, choose, options }: { name: string; chosen: string; choose: (value: string | null) => void; options: [value: string, label: string, count: number][] }) {
  if (options.length === 0) return null
  return (
    <fieldset className="facet">
      <legend>{name}</legend>
      {options.slice(0, 24).map(([value, label, count]) => (
        <button key={value} type="button" aria-pressed={chosen === value} onClick={() => choose(chosen === value ? null : value)}>
          <span>{label}</span>
          <span className="muted">{count.toLocaleString('en')}</span>
        </button>
      ))}
    </fieldset>
  )
}

function Listed({ asked, first }: { asked: Query<'/findings'>; first: Answer<'/findings'> }) {
  const [more, setMore] = useState<Answer<'/findings'>[]>([])
  const pages = [first, ...more]
  const items = pages.flatMap((page) => page.items)
  const next = pages[pages.length - 1]!.next
  return (
    <section aria-label="List">
      <p className="muted" role="status">
        {plural(first.total, 'finding')}
      </p>
      {items.length === 0 && <Nothing>No finding fits. That is of what could be read: see Coverage.</Nothing>}
      {items.length > 0 && (
        <ul className="rows panel">
          {items.map((finding) => (
            <FindingRow key={finding.id} finding={finding} />
          ))}
        </ul>
      )}
      {next && (
        <button type="button" onClick={() => void get('/findings', { ...asked, cursor: next }).then((page) => setMore([...more, page]))}>
          Show more
        </button>
      )}
      {first.limited.map((text) => (
        <p key={text} className="muted">
          {text}
        </p>
      ))}
    </section>
  )
}
