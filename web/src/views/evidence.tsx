// What CloudTrail saw: who started it, as whom, what they did, to what.

import { useState } from 'react'
import { get, useGet, type Answer, type Query } from '../api'
import { short, WhoDid, whoShort } from '../parts/hop'
import { ActionField, EntityField } from '../parts/form'
import { Answered, Nothing } from '../parts/state'
import { useMeta, useParam, useTitle } from '../session'
import { plural, time } from '../words'

export default function EvidenceView() {
  useTitle('Evidence')
  const meta = useMeta()
  const [action, setAction] = useParam('action')
  const [resource, setResource] = useParam('resource')
  const [draft, setDraft] = useState({ action, resource })
  if (!meta.evidence) {
    return (
      <>
        <h1>Evidence</h1>
        <Nothing>sv0 was started without CloudTrail: whether anything ever happened is unknown. Start it with --trail and the files of a trail.</Nothing>
      </>
    )
  }
  return (
    <>
      <h1>Evidence</h1>
      <p className="muted">
        {plural(meta.evidence.events, 'event')} from {time(meta.evidence.since)} to {time(meta.evidence.until)}, in {plural(meta.evidence.objects, 'object')}
      </p>
      <section className="panel">
        <h2>Who really did it?</h2>
        <form
          className="ask"
          onSubmit={(event) => {
            event.preventDefault()
            setAction(draft.action.trim() || null)
            setResource(draft.resource.trim() || null)
          }}
        >
          <ActionField value={action} onChange={(text) => setDraft((now) => ({ ...now, action: text }))} />
          <EntityField label="Resource" hint="what it was done to" value={resource} onChange={(text) => setDraft((now) => ({ ...now, resource: text }))} />
          <button type="submit" className="primary" disabled={!draft.action.trim() || !draft.resource.trim()}>
            Look
          </button>
        </form>
        {action && resource && <Who action={action} resource={resource} />}
      </section>
      <h2>Everything that was seen</h2>
      <EvidenceLines />
    </>
  )
}

function Who({ action, resource }: { action: string; resource: string }) {
  const query = useGet('/who-did', { action, resource })
  return (
    <Answered query={query} rows={3}>
      {(did) => <WhoDid did={did} />}
    </Answered>
  )
}

export function EvidenceLines({ principal, resource }: { principal?: string; resource?: string }) {
  const asked: Query<'/evidence'> = { principal, resource, limit: 50 }
  const query = useGet('/evidence', asked)
  return (
    <Answered query={query} rows={8}>
      {(first) => <Lines asked={asked} first={first} />}
    </Answered>
  )
}

function Lines({ asked, first }: { asked: Query<'/evidence'>; first: Answer<'/evidence'> }) {
  const [pages, setPages] = useState([first])
  const lines = pages.flatMap((page) => page.items)
  const next = pages[pages.length - 1]!.next
  const data = [...new Set(first.recorded.filter((one) => one.data).map((one) => one.source.replace('.amazonaws.com', '')))]
  return (
    <section className="panel">
      <p className="muted">
        {data.length ? `Data events are recorded of ${data.join(', ')}; what else happens to data cannot be seen.` : 'No data events are recorded: reads of data cannot be seen.'}
      </p>
      {lines.length === 0 && <Nothing>Nothing was seen.</Nothing>}
      {lines.length > 0 && (
        <div className="table" tabIndex={0} role="region" aria-label="What was seen">
          <table>
            <thead>
              <tr>
                <th>Who started it</th>
                <th>As</th>
                <th>Did</th>
                <th>To</th>
                <th className="numeric">Times</th>
                <th>Last</th>
              </tr>
            </thead>
            <tbody>
              {lines.map((line, n) => (
                <tr key={n}>
                  <td className="break narrow">{whoShort(line.who)}</td>
                  <td className="break narrow" title={line.principal}>{short(line.principal)}</td>
                  <td className="break narrow">
                    <code>{line.actions[0] ?? line.event_name}</code>
                    {line.outcome !== 'success' && <span className="muted"> ({line.outcome.replaceAll('_', ' ')})</span>}
                  </td>
                  <td className="break">
                    {line.resource.replace(/^arn:aws:/, '')}
                    {line.resources > 1 && <span className="muted"> and {line.resources - 1} more</span>}
                  </td>
                  <td className="numeric">{line.count.toLocaleString('en')}</td>
                  <td className="fixed">{time(line.last)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {next && (
        <button type="button" onClick={() => void get('/evidence', { ...asked, cursor: next }).then((page) => setPages([...pages, page]))}>
          Show more
        </button>
      )}
    </section>
  )
}
