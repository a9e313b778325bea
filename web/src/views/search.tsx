// Everything that a search finds.

import { useState } from 'react'
import { get, useGet, type Answer } from '../api'
import { SensitivityBadge } from '../parts/badges'
import { EntityLink } from '../parts/entity'
import { Answered, Nothing } from '../parts/state'
import { useParam, useTitle } from '../session'
import { plural } from '../words'

export default function SearchView() {
  const [q] = useParam('q')
  useTitle(`Search: ${q}`)
  const query = useGet('/search', { q, limit: 50 }, { enabled: q !== '' })
  return (
    <>
      <h1>Search: {q}</h1>
      <Answered query={query}>{(found) => <Found key={q} q={q} first={found} />}</Answered>
    </>
  )
}

function Found({ q, first }: { q: string; first: Answer<'/search'> }) {
  const [pages, setPages] = useState([first])
  const items = pages.flatMap((page) => page.items)
  const next = pages[pages.length - 1]!.next
  if (items.length === 0) return <Nothing>Nothing in the snapshot has these words in its name, ARN, tags or account. What could not be read is not in it.</Nothing>
  return (
    <>
      <p className="muted">{plural(first.total, 'entity', 'entities')}</p>
      <ul className="rows panel">
        {items.map((hit) => (
          <li key={hit.entity.id} className="split">
            <EntityLink entity={hit.entity} />
            <span>
              {hit.matched === 'tag' && <code>{hit.text}</code>} <SensitivityBadge sensitivity={hit.sensitivity} />
            </span>
          </li>
        ))}
      </ul>
      {next && (
        <button type="button" onClick={() => void get('/search', { q, limit: 50, cursor: next }).then((page) => setPages([...pages, page]))}>
          Show more
        </button>
      )}
    </>
  )
}
