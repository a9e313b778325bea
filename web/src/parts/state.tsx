// What stands where an answer is not there yet, or never will be.

import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Link } from 'wouter'
import type { Gap, Problem } from '../api'
import { entityHref } from './entity'

export function Waiting({ rows = 6, label = 'Loading' }: { rows?: number; label?: string }) {
  return (
    <div className="waiting" role="status" aria-label={label}>
      {Array.from({ length: rows }, (_, n) => (
        <div key={n} className="bone" />
      ))}
    </div>
  )
}

export function Failed({ problem, retry }: { problem: Problem; retry?: () => void }) {
  if (problem.status === 401) {
    return (
      <div className="note bad" role="alert">
        <h2>You are not signed in</h2>
        <p>{problem.detail}</p>
        <p>
          <Link href={`/login?next=${encodeURIComponent(window.location.pathname + window.location.search)}`}>Sign in</Link>
        </p>
      </div>
    )
  }
  return (
    <div className="note bad" role="alert">
      <h2>{problem.title}</h2>
      <p>{problem.detail}</p>
      {problem.near.length > 0 && (
        <>
          <p>Did you mean</p>
          <ul>
            {problem.near.map((name) => (
              <li key={name}>
                <Link href={entityHref(name)}>{name}</Link>
              </li>
            ))}
          </ul>
        </>
      )}
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  )
}

/** An answer once it is there. */
export function Answered<A>({
  query,
  rows,
  children,
}: {
  query: UseQueryResult<A, Problem>
  rows?: number
  children: (answer: A) => ReactNode
}) {
  if (query.data !== undefined) return <>{children(query.data)}</>
  if (query.error) return <Failed problem={query.error} retry={() => void query.refetch()} />
  const late = query.failureReason?.status === 503
  return (
    <>
      {late && <p className="note">sv0 is still working this out. It will appear here by itself.</p>}
      <Waiting rows={rows} />
    </>
  )
}

/** What could not be read, beside an answer that it could change. */
export function Gaps({ gaps }: { gaps: Gap[] }) {
  if (gaps.length === 0) return null
  return (
    <details className="note warn">
      <summary>
        {gaps.length === 1 ? 'Something could not be read' : `${gaps.length} things could not be read`} that may change this answer
      </summary>
      <ul>
        {gaps.slice(0, 50).map((gap, n) => (
          <li key={n}>
            {gap.detail} <span className="muted">{gap.consequence}</span>
          </li>
        ))}
      </ul>
      {gaps.length > 50 && (
        <p>
          <Link href="/coverage">All of them</Link>
        </p>
      )}
    </details>
  )
}

export function Nothing({ children }: { children: ReactNode }) {
  return <p className="nothing">{children}</p>
}
