// The search that is everywhere: `/` goes to it, arrows choose, Enter opens.

import { useEffect, useId, useRef, useState } from 'react'
import { useLocation } from 'wouter'
import { useGet } from '../api'
import { EntityName, entityHref } from './entity'
import { SensitivityBadge } from './badges'

/** A value that follows another when that rests. */
export function useRested(value: string, millis = 90): string {
  const [rested, setRested] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), millis)
    return () => clearTimeout(timer)
  }, [value, millis])
  return rested
}

export function SearchField() {
  const [text, setText] = useState('')
  const [open, setOpen] = useState(false)
  const [at, setAt] = useState(-1)
  const [, go] = useLocation()
  const input = useRef<HTMLInputElement>(null)
  const list = useId()
  const asked = useRested(text.trim())
  const found = useGet('/search', { q: asked, limit: 8 }, { enabled: asked.length > 0, keep: true })
  const items = text.trim() && asked ? (found.data?.items ?? []) : []
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement
      const typing = target.matches('input, textarea, select') || target.isContentEditable
      if ((event.key === '/' && !typing && !event.ctrlKey && !event.metaKey) || (event.key === 'k' && (event.metaKey || event.ctrlKey))) {
        event.preventDefault()
        input.current?.focus()
        input.current?.select()
      }
    }
    window.addEventListener('keydown', key)
    return () => window.removeEventListener('keydown', key)
  }, [])
  const leave = (href: string) => {
    setOpen(false)
    setText('')
    setAt(-1)
    input.current?.blur()
    go(href)
  }
  return (
    <form
      className="search"
      role="search"
      onSubmit={(event) => {
        event.preventDefault()
        const chosen = items[at]
        if (chosen) leave(entityHref(chosen.entity.id))
        else if (text.trim()) leave(`/search?q=${encodeURIComponent(text.trim())}`)
      }}
      onBlur={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOpen(false)
      }}
    >
      <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
        <path d="M7 11.400A4.400 4.400 0 1 0 7 2.600a4.400 4.400 0 0 0 0 8.800ZM10.200 10.200 14 14" />
      </svg>
      <input
        ref={input}
        type="search"
        role="combobox"
        aria-label="Search by name, ARN, tag or account"
        aria-expanded={open && items.length > 0}
        aria-controls={list}
        aria-autocomplete="list"
        aria-activedescendant={at >= 0 ? `${list}-${at}` : undefined}
        placeholder="Search a name, ARN, tag …"
        autoComplete="off"
        spellCheck={false}
        value={text}
        onFocus={() => setOpen(true)}
        onChange={(event) => {
          setText(event.target.value)
          setOpen(true)
          setAt(-1)
        }}
        onKeyDown={(event) => {
          if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
            event.preventDefault()
            const step = event.key === 'ArrowDown' ? 1 : -1
            setAt(Math.max(-1, Math.min(items.length - 1, at + step)))
          } else if (event.key === 'Escape') {
            setOpen(false)
            input.current?.blur()
          }
        }}
      />
      <kbd aria-hidden="true">/</kbd>
      {open && asked && text.trim() && (
        <div className="search-results">
          <ul id={list} role="listbox" aria-label="Found">
            {items.map((hit, n) => (
              <li
                key={hit.entity.id}
                id={`${list}-${n}`}
                role="option"
                aria-selected={n === at}
                onMouseDown={(event) => event.preventDefault()}
                onClick={() => leave(entityHref(hit.entity.id))}
                onMouseEnter={() => setAt(n)}
              >
                <EntityName entity={hit.entity} />
                <span className="search-why">
                  {hit.matched === 'tag' && <code>{hit.text}</code>}
                  <SensitivityBadge sensitivity={hit.sensitivity} />
                </span>
              </li>
            ))}
          </ul>
          {found.data && items.length === 0 && !found.isFetching && <p className="muted">Nothing in the snapshot has “{text.trim()}” in its name, ARN, tags or account.</p>}
          {found.data && found.data.total > items.length && (
            <p className="muted">
              {found.data.total.toLocaleString('en')} found; Enter shows all
            </p>
          )}
        </div>
      )}
    </form>
  )
}
