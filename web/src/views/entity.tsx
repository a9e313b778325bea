// One entity: what it is, what it reaches, who reaches it, who says so.

import { useState } from 'react'
import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components'
import { Link } from 'wouter'
import { useGet, type Answer, type Entity } from '../api'
import { Levels, SensitivityBadge, VerdictBadge } from '../parts/badges'
import { PolicyText } from '../parts/code'
import { Copy, EntityLink, KindIcon } from '../parts/entity'
import { FindingRow } from '../parts/finding-row'
import { Conditions } from '../parts/hop'
import { Answered, Gaps, Nothing } from '../parts/state'
import { useMeta, useParam, useTitle } from '../session'
import { edgeHeading, place, plural, time } from '../words'
import { EvidenceLines } from './evidence'
import { Actions } from './path'
import { ReachedBy, Reaches } from './reach'

type One = Answer<'/entity'>

export default function EntityView() {
  const [id] = useParam('id')
  const query = useGet('/entity', { id }, { enabled: id !== '' })
  useTitle(query.data?.entity.name ?? id)
  return <Answered query={query}>{(one) => <Whole key={one.entity.id} one={one} />}</Answered>
}

/** Which questions an entity has answers to. */
function tabs(one: One): [key: string, name: string][] {
  const kind = one.entity.kind
  const acts = ['identity', 'workload', 'tenant'].includes(one.type) || kind === 'iam_policy'
  const reached = ['resource', 'identity', 'workload', 'tenant'].includes(one.type)
  const all: [string, string][] = []
  if (one.type === 'resource') {
    all.push(['reached', 'Who reaches it'], ['reaches', 'What it leads to'])
  } else {
    if (acts) all.push(['reaches', 'What it reaches'])
    if (reached) all.push(['reached', 'Who gets there'])
  }
  if (['identity', 'workload'].includes(one.type)) all.push(['can', 'Own permissions'])
  all.push(['policies', `Policies (${one.documents.length})`], ['connections', 'Connections'], ['findings', `Findings (${one.findings.length})`])
  if (acts || reached) all.push(['evidence', 'Evidence'])
  return all
}

function Whole({ one }: { one: One }) {
  const [tab, setTab] = useParam('tab')
  const all = tabs(one)
  const chosen = all.some(([key]) => key === tab) ? tab : all[0]![0]
  const { entity } = one
  return (
    <>
      <div className="title">
        <KindIcon kind={entity.kind} size={28} />
        <div>
          <h1>{entity.name || entity.id}</h1>
          <p className="muted">
            {entity.kind_label}
            {place(entity) && ` in ${place(entity)}`}
            {one.region && ` · ${one.region}`}
            {one.created_at && ` · made ${time(one.created_at.slice(0, 10))}`}
          </p>
        </div>
        <span className="marks">
          {one.type === 'resource' && <SensitivityBadge sensitivity={one.sensitivity} />}
          {one.data_domain && <span className="badge">{one.data_domain}</span>}
          {one.named_only && <span className="badge severity-medium">only named by a policy; not collected</span>}
        </span>
      </div>
      <p className="arn">
        <code>{entity.id}</code> <Copy text={entity.id} label="Copy the id" />
      </p>
      {Object.keys(one.tags).length > 0 && (
        <p className="tags">
          {Object.entries(one.tags).map(([key, value]) => (
            <Link key={key} className="tag" href={`/search?q=${encodeURIComponent(`${key}=${value}`)}`}>
              {key}={value}
            </Link>
          ))}
        </p>
      )}
      {one.partial && <p className="note warn">{one.partial}</p>}
      <Gaps gaps={one.gaps} />
      <Tabs selectedKey={chosen} onSelectionChange={(key) => setTab(String(key))} className="views">
        <TabList aria-label="About it">
          {all.map(([key, name]) => (
            <Tab key={key} id={key} className="tab">
              {name}
            </Tab>
          ))}
        </TabList>
        <TabPanel id="reaches">{chosen === 'reaches' && <Reaches id={entity.id} entity={entity} />}</TabPanel>
        <TabPanel id="reached">{chosen === 'reached' && <ReachedBy id={entity.id} entity={entity} />}</TabPanel>
        <TabPanel id="can">{chosen === 'can' && <Can id={entity.id} />}</TabPanel>
        <TabPanel id="policies">
          <Policies one={one} />
        </TabPanel>
        <TabPanel id="connections">
          <Connections one={one} />
        </TabPanel>
        <TabPanel id="findings">
          {one.findings.length === 0 ? (
            <Nothing>No finding is about it. That is of what could be read.</Nothing>
          ) : (
            <ul className="rows panel">
              {one.findings.map((finding) => (
                <FindingRow key={finding.id} finding={finding} />
              ))}
            </ul>
          )}
        </TabPanel>
        <TabPanel id="evidence">{chosen === 'evidence' && <Seen one={one} />}</TabPanel>
      </Tabs>
    </>
  )
}

function Seen({ one }: { one: One }) {
  const meta = useMeta()
  if (!meta.evidence) return <Nothing>sv0 was started without CloudTrail (--trail): whether anything ever happened is unknown.</Nothing>
  return one.type === 'resource' ? <EvidenceLines resource={one.entity.id} /> : <EvidenceLines principal={one.entity.id} />
}

function Policies({ one }: { one: One }) {
  const [open, setOpen] = useState<number>(0)
  const document = one.documents[open]
  if (!document) return <Nothing>It has no policy document.</Nothing>
  const slots: Record<string, string> = { inline: 'inline policy', document: 'managed policy', trust: 'trust policy', resource: 'resource policy', key: 'key policy', endpoint: 'endpoint policy' }
  return (
    <div className="policies">
      <ul className="rows panel">
        {one.documents.map((each, n) => (
          <li key={n}>
            <button type="button" className="choose" aria-pressed={n === open} onClick={() => setOpen(n)}>
              <span className="name">{each.name}</span>
              <span className="muted">
                {each.aws_managed ? 'AWS managed policy' : (slots[each.slot] ?? each.slot)}
                {each.via && ` through ${each.via}`}, {plural(each.statements, 'statement')}
              </span>
            </button>
          </li>
        ))}
      </ul>
      <section className="panel">
        <div className="panel-head">
          <h2>{document.name}</h2>
          {!document.aws_managed && (
            <Link href={`/what-if?policy_id=${encodeURIComponent(document.policy_id)}&slot=${document.slot}&policy=${encodeURIComponent(document.name)}`}>Edit it in What if</Link>
          )}
        </div>
        <PolicyText json={document.json} />
        {document.place && <p className="muted">read from {document.place}</p>}
      </section>
    </div>
  )
}

function Connections({ one }: { one: One }) {
  if (one.edges.length === 0) return <Nothing>Nothing is connected to it.</Nothing>
  return (
    <div className="cards">
      {one.edges.map((group) => (
        <EdgeGroup key={`${group.direction} ${group.edge}`} id={one.entity.id} group={group} />
      ))}
    </div>
  )
}

function EdgeGroup({ id, group }: { id: string; group: One['edges'][number] }) {
  const [all, setAll] = useState(false)
  const query = useGet('/edges', { id, edge: group.edge, direction: group.direction, limit: 200 }, { enabled: all })
  const others: Entity[] = all && query.data ? query.data.items.map((edge) => (group.direction === 'out' ? edge.to : edge.from)) : group.sample
  return (
    <section className="panel">
      <h2>
        {edgeHeading(group.edge, group.direction)} <span className="muted">{group.count}</span>
      </h2>
      <ul className="rows">
        {others.map((entity, n) => (
          <li key={n}>
            <EntityLink entity={entity} />
          </li>
        ))}
      </ul>
      {!all && group.count > group.sample.length && (
        <button type="button" className="quiet" onClick={() => setAll(true)}>
          show {Math.min(200, group.count) - group.sample.length} more
        </button>
      )}
    </section>
  )
}

function Can({ id }: { id: string }) {
  const query = useGet('/can', { id })
  return (
    <Answered query={query}>
      {(can) => (
        <>
          <p className="big">
            {can.administrator ? 'An administrator: it can do everything in an account.' : `Its own policies reach ${plural(new Set(can.reaches.map((one) => one.resource.id)).size, 'resource')}.`}
          </p>
          <dl className="facts panel">
            <dt>Policies</dt>
            <dd>{can.policies.length ? can.policies.join(', ') : 'none'}</dd>
            <dt>Boundary</dt>
            <dd>{can.boundary ?? 'none'}</dd>
            <dt>SCPs</dt>
            <dd>{can.scps ? can.scps.join(', ') || 'none' : 'do not bind, or are not known'}</dd>
          </dl>
          {can.uses.length > 0 && (
            <section className="panel">
              <h2>What it can become or set off</h2>
              <ul className="rows">
                {can.uses.slice(0, 100).map((use, n) => (
                  <li key={n} className={use.verdict === 'denied' ? 'off' : ''}>
                    <div className="split">
                      <EntityLink entity={use.to} />
                      <VerdictBadge verdict={use.verdict} />
                    </div>
                    <p className="muted">{use.text}</p>
                    <Conditions conditions={use.conditions} />
                    {use.blocked_by[0] && <p className="stopped-by">stopped: {use.blocked_by[0].text}</p>}
                  </li>
                ))}
              </ul>
            </section>
          )}
          <section className="panel">
            <h2>What it can do to data</h2>
            <ul className="rows">
              {can.reaches.slice(0, 200).map((reach, n) => (
                <li key={n}>
                  <div className="split">
                    <EntityLink entity={reach.resource} />
                    <span className="marks">
                      <Levels levels={reach.access_levels} />
                      <VerdictBadge verdict={reach.verdict} />
                      {reach.sensitivity !== 'unknown' && <SensitivityBadge sensitivity={reach.sensitivity} />}
                    </span>
                  </div>
                  <p className="muted">
                    {reach.policies.join(', ')}
                    {reach.scope && ` · only ${reach.scope}`}
                  </p>
                  <Conditions conditions={reach.conditions} />
                  <Actions actions={reach.actions} />
                </li>
              ))}
            </ul>
          </section>
          <Gaps gaps={can.coverage_gaps} />
        </>
      )}
    </Answered>
  )
}
