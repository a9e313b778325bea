// Policy documents and differences, as text: nothing in them is ever taken for a page's own.

import { useEffect, useRef } from 'react'
import { findPlace } from '../place'

/** A document with the statement that decides marked and in sight. */
export function PolicyText({ json, mark }: { json: string; mark?: string | null }) {
  const lines = json.split('\n')
  const range = mark ? findPlace(json, mark) : null
  const first = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const line = first.current
    const box = line?.closest('.code')
    if (line && box) box.scrollTop = Math.max(0, line.offsetTop - 48)
  }, [json, mark])
  return (
    <div className="code" tabIndex={0} role="region" aria-label="Policy document">
      {lines.map((line, n) => {
        const marked = range !== null && n >= range.from && n <= range.to
        return (
          <div key={n} className={marked ? 'line marked' : 'line'} ref={marked && n === range.from ? first : undefined}>
            <span className="number" aria-hidden="true">
              {n + 1}
            </span>
            <span className="text">{line || ' '}</span>
          </div>
        )
      })}
    </div>
  )
}

export function Diff({ text }: { text: string }) {
  const lines = text.replace(/\n$/, '').split('\n')
  return (
    <div className="code diff" tabIndex={0} role="region" aria-label="Difference">
      {lines.map((line, n) => {
        const kind = line.startsWith('@@') || line.startsWith('---') || line.startsWith('+++') ? 'head' : line.startsWith('+') ? 'added' : line.startsWith('-') ? 'removed' : ''
        return (
          <div key={n} className={`line ${kind}`}>
            <span className="text">{line || ' '}</span>
          </div>
        )
      })}
    </div>
  )
}

export function Plain({ text, label }: { text: string; label: string }) {
  return (
    <div className="code" tabIndex={0} role="region" aria-label={label}>
      <pre className="text">{text}</pre>
    </div>
  )
}
