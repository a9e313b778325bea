// Everything that was collected, by kind and account.

import { useState } from 'react'
import { get, useGet, type Answer, type Query, type Schema } from '../api'
import { SensitivityBadge } from '../parts/badges'
import { Choice } from '../parts/form'
import { EntityLink } from '../parts/entity'
import { Answered, Nothing } from '../parts/state'
import { useMeta, useParam, useTitle } from '../session'
import { plural } from '../words'

export default function Inventory() {
  useTitle('Inventory')
  const meta = useMeta()
  const [type, setType] = useParam('type')
  const [kind, setKind] = useParam('kind')
  const [account, setAccount] = useParam('account')
  const [sensitivity, setSensitivity] = useParam('sensitivity')
  const types = [...new Set(meta.kinds.map((one) => one.type))]
  const kinds = meta.kinds.filter((one) => !type || one.type === type)
  const asked: Query<'/entities'> = {
    type: (type || undefined) as Query<'/entities'>['type'],
    kind: (kind || undefined) as Schema<'Kind'> | undefined,
    account: account || undefined,
    sensitivity: (sensitivity || undefined) as Schema<'Sensitivity'> | undefined,
    limit: 100,
  }
  const query = useGet('/entities', asked)
  return (
    <>
      <h1>Inventory</h1>
      <div className="filters">
        <Choice label="Type" value={type} onChange={setType} options={types.map((one) => [one, one.replaceAll('_', ' ')])} />
        <Choice label="Kind" value={kind} onChange={setKind} options={kinds.map((one) => [one.kind, `${one.label} (${one.count.toLocaleString('en')})`])} />
        <Choice label="Account" value={account} onChange={setAccount} options={meta.accounts.map((one) => [one.id, one.name])} />
        <Choice label="Sensitivity" value={sensitivity} onChange={setSensitivity} options={['restricted', 'confidential', 'internal', 'public', 'unknown'].map((one) => [one, one])} />
      </div>
      <Answered query={query} rows={12}>
        {(first) => <Listed key={JSON.stringify(asked)} asked={asked} first={first} />}
      </Answered>
    </>
  )
}

function Listed({ asked, first }: { asked: Query<'/entities'>; first: Answer<'/entities'> }) {
  const [pages, setPages] = useState([first])
  const items = pages.flatMap((page) => page.items)
  const next = pages[pages.length - 1]!.next
  if (items.length === 0) return <Nothing>Nothing of that was collected.</Nothing>
  return (
    <>
      <p className="muted">{plural(first.total, 'entity', 'entities')}</p>
      <ul className="rows panel">
        {items.map((one) => (
          <li key={one.entity.id} className="split">
            <EntityLink entity={one.entity} />
            <span className="muted">
              {one.region} {one.data_domain} {one.sensitivity !== 'unknown' && <SensitivityBadge sensitivity={one.sensitivity} />}
            </span>
          </li>
        ))}
      </ul>
      {next && (
        <button type="button" onClick={() => void get('/entities', { ...asked, cursor: next }).then((page) => setPages([...pages, page]))}>
          Show more
        </button>
      )}
    </>
  )
}
