// Who reaches something, and what something reaches: grouped, then one by one.

import { useMemo, useState } from 'react'
import { Link } from 'wouter'
import { useGet, type Answer, type Entity, type Schema } from '../api'
import { Levels, SensitivityBadge, VerdictBadge } from '../parts/badges'
import { EntityLink } from '../parts/entity'
import { Fan, type Group, type Link as Wire } from '../parts/fan'
import { Answered, Gaps, Nothing } from '../parts/state'
import { kindLabel, place, plural } from '../words'

type Reach = Schema<'Reached'>['origins'][number]

const MIDDLES = 7
const ENDS = 10

/** Puts what is alike into groups, with what most of it goes through in the middle. */
export function fan(reaches: Reach[], self: Entity, into: boolean): { groups: Group[]; links: Wire[]; of: Map<string, string>; through: Map<string, string> } {
  const of = new Map<string, string>()
  const through = new Map<string, string>()
  const ends = new Map<string, { label: string; note: string; kind: string; count: number }>()
  const middles = new Map<string, number>()
  for (const reach of reaches) {
    const key = `${reach.entity.kind} ${place(reach.entity)}`
    const known = ends.get(key)
    ends.set(key, { label: known ? '' : reach.entity.name, note: place(reach.entity), kind: reach.entity.kind, count: (known?.count ?? 0) + 1 })
    const inner = reach.route.slice(1, -1)
    const middle = into ? inner[inner.length - 1] : inner[0]
    if (middle) middles.set(middle, (middles.get(middle) ?? 0) + 1)
  }
  const topMiddles = new Set([...middles].sort((a, b) => b[1] - a[1]).slice(0, MIDDLES).map(([name]) => name))
  const topEnds = new Set([...ends].sort((a, b) => b[1].count - a[1].count).slice(0, ENDS).map(([key]) => key))
  const groups = new Map<string, Group>()
  const links = new Map<string, Wire>()
  const endColumn = into ? 'left' : 'right'
  const selfColumn = into ? 'right' : 'left'
  groups.set('self', { id: 'self', label: self.name, note: kindLabel(self.kind), kind: self.kind, count: 0, column: selfColumn })
  const link = (a: string, b: string) => {
    const [from, to] = into ? [a, b] : [b, a]
    const wire = links.get(`${from} ${to}`) ?? { from, to, count: 0 }
    wire.count += 1
    links.set(`${from} ${to}`, wire)
  }
  for (const reach of reaches) {
    const key = `${reach.entity.kind} ${place(reach.entity)}`
    const end = topEnds.has(key) ? `end ${key}` : 'end others'
    const info = ends.get(key)!
    const group = groups.get(end)
    if (group) group.count += 1
    else
      groups.set(end, {
        id: end,
        label: end === 'end others' ? 'others' : info.count === 1 ? info.label : `${info.count} × ${kindLabel(info.kind)}`,
        note: end === 'end others' ? '' : info.note || 'outside',
        kind: info.kind,
        count: 1,
        column: endColumn,
      })
    of.set(reach.entity.id, end)
    const inner = reach.route.slice(1, -1)
    const middle = into ? inner[inner.length - 1] : inner[0]
    if (!middle) {
      link(end, 'self')
      through.set(reach.entity.id, 'direct')
      continue
    }
    const mid = topMiddles.has(middle) ? `mid ${middle}` : 'mid others'
    if (!groups.has(mid)) groups.set(mid, { id: mid, label: mid === 'mid others' ? `${middles.size - topMiddles.size} others` : middle, note: 'on the way', kind: 'iam_role', count: 0, column: 'middle' })
    groups.get(mid)!.count += 1
    through.set(reach.entity.id, mid)
    link(end, mid)
    const [from, to] = into ? [mid, 'self'] : ['self', mid]
    const wire = links.get(`${from} ${to}`) ?? { from, to, count: 0 }
    wire.count += 1
    links.set(`${from} ${to}`, wire)
  }
  for (const group of groups.values()) if (group.column === 'middle') group.note = `${group.count} go through it`
  return { groups: [...groups.values()], links: [...links.values()], of, through }
}

export function ReachedBy({ id, entity }: { id: string; entity: Entity }) {
  const query = useGet('/reached-by', { id, limit: 1000 })
  return (
    <Answered query={query} rows={10}>
      {(answer) => <Into answer={answer} entity={entity} />}
    </Answered>
  )
}

function Into({ answer, entity }: { answer: Answer<'/reached-by'>; entity: Entity }) {
  return (
    <>
      <p className="big">
        {answer.total === 0 ? `Nobody that was collected reaches ${entity.name}.` : `${plural(answer.total, 'origin')} ${answer.total === 1 ? 'reaches' : 'reach'} it, ${answer.certain} whatever the conditions; ${answer.cross_account} from another account, ${answer.outside} from outside the organization.`}
      </p>
      {answer.note && <p className="muted">{answer.note}</p>}
      {answer.cut && <p className="note warn">The search stopped at its budget: there may be more.</p>}
      <Both reaches={answer.origins} entity={entity} into total={answer.total} />
      <Gaps gaps={answer.coverage_gaps} />
    </>
  )
}

export function Reaches({ id, entity }: { id: string; entity: Entity }) {
  const query = useGet('/blast-radius', { id, limit: 1000 })
  return (
    <Answered query={query} rows={10}>
      {(answer) => <Out answer={answer} entity={entity} />}
    </Answered>
  )
}

function Out({ answer, entity }: { answer: Answer<'/blast-radius'>; entity: Entity }) {
  const by = Object.entries(answer.by_sensitivity).reverse().map(([name, count]) => `${count} ${name}`).join(', ')
  return (
    <>
      <p className="big">
        {answer.total === 0 && answer.broad.length === 0 ? `${entity.name} reaches no data that was collected.` : `It reaches ${plural(answer.total, 'piece')} of data${by && `: ${by}`}; ${answer.cross_account} in another account.`}
      </p>
      {answer.note && <p className="muted">{answer.note}</p>}
      {answer.cut && <p className="note warn">The search stopped at its budget: there may be more.</p>}
      {answer.identities.length > 0 && (
        <section className="panel">
          <h2>It can act as</h2>
          <ul className="rows inline">
            {answer.identities.slice(0, 24).map((one) => (
              <li key={one.id}>
                <EntityLink entity={one} />
              </li>
            ))}
          </ul>
          {answer.identities.length > 24 && <p className="muted">and {answer.identities.length - 24} more</p>}
        </section>
      )}
      {answer.broad.length > 0 && (
        <section className="panel">
          <h2>Broad grants</h2>
          <ul className="rows">
            {answer.broad.slice(0, 20).map((one) => (
              <li key={`${one.scope.id} ${one.route.join()}`} className="split">
                <span>
                  <EntityLink entity={one.scope} bare /> <span className="muted">covers {plural(one.total, 'piece')} of collected data, by {one.route.slice(0, -1).join(' → ')}</span>
                </span>
                <span className="marks">
                  {one.administrator && <span className="badge severity-high">administrator</span>}
                  <Levels levels={one.access_levels} />
                  <VerdictBadge verdict={one.verdict} />
                </span>
              </li>
            ))}
          </ul>
        </section>
      )}
      <Both reaches={answer.reaches} entity={entity} into={false} total={answer.total} />
      <Gaps gaps={answer.coverage_gaps} />
    </>
  )
}

const FIRST = 40

function Both({ reaches, entity, into, total }: { reaches: Reach[]; entity: Entity; into: boolean; total: number }) {
  const [chosen, setChosen] = useState<string | null>(null)
  const [all, setAll] = useState(false)
  const drawn = useMemo(() => fan(reaches, entity, into), [reaches, entity, into])
  if (reaches.length === 0) return <Nothing>Nothing to show. What could not be read is not in it.</Nothing>
  const fits = (reach: Reach) => chosen === null || chosen === 'self' || drawn.of.get(reach.entity.id) === chosen || drawn.through.get(reach.entity.id) === chosen
  const listed = reaches.filter(fits)
  const shown = all ? listed.slice(0, 300) : listed.slice(0, FIRST)
  const name = drawn.groups.find((group) => group.id === chosen)?.label
  return (
    <>
      <section className="panel">
        <h2>{into ? 'Who, and through what' : 'What, and through what'}</h2>
        <Fan groups={drawn.groups} links={drawn.links} chosen={chosen} onChoose={setChosen} label={into ? 'Who reaches it, in groups' : 'What it reaches, in groups'} />
        <p className="muted">Choose a group to see only its {into ? 'members' : 'data'} below.</p>
      </section>
      <section className="panel">
        <div className="panel-head">
          <h2>
            {chosen && chosen !== 'self' && name ? name : into ? 'Who reaches it' : 'What it reaches'}{' '}
            <span className="muted">
              {listed.length.toLocaleString('en')}
              {total > reaches.length && !chosen && ` of ${total.toLocaleString('en')}`}
            </span>
          </h2>
          {chosen && (
            <button type="button" className="quiet" onClick={() => setChosen(null)}>
              show all
            </button>
          )}
        </div>
        <ul className="rows">
          {shown.map((reach) => (
            <ReachRow key={`${reach.entity.id} ${reach.path}`} reach={reach} self={entity} into={into} />
          ))}
        </ul>
        {listed.length > shown.length && (
          <button type="button" onClick={() => setAll(true)}>
            Show {Math.min(300, listed.length) - shown.length} more
          </button>
        )}
      </section>
    </>
  )
}

function ReachRow({ reach, self, into }: { reach: Reach; self: Entity; into: boolean }) {
  const inner = reach.route.slice(1, -1)
  const id = encodeURIComponent
  const [from, to] = into ? [reach.chain[0] ?? reach.entity.id, self.id] : [reach.chain[0] ?? self.id, reach.entity.id]
  return (
    <li className="path-row">
      <div className="split">
        <EntityLink entity={reach.entity} />
        <span className="marks">
          <Levels levels={reach.access_levels} />
          <VerdictBadge verdict={reach.verdict} />
          {reach.sensitivity !== 'unknown' && !into && <SensitivityBadge sensitivity={reach.sensitivity} />}
        </span>
      </div>
      <div className="split through">
        <span className="muted">
          {inner.length ? `through ${inner.join(' → ')}` : 'directly'}
          {reach.paths > 1 && `; ${reach.paths} paths`}
        </span>
        <Link className="open-path" href={`/path?id=${id(reach.path)}&from=${id(from)}&to=${id(to)}`}>
          Show the chain<span className="sr"> {into ? 'from' : 'to'} {reach.entity.name}</span>
        </Link>
      </div>
      {reach.condition.length > 0 && <p className="condition">if {reach.condition.map((one) => one.text).join('; and ')}</p>}
    </li>
  )
}
