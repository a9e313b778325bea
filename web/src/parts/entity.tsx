// How an entity looks wherever it is named: a picture of its kind, its name, where it is. The name is a link.

import { useState } from 'react'
import { Link } from 'wouter'
import type { Entity } from '../api'
import { icon, kindLabel, place, type Icon } from '../words'

const SHAPES: Record<Icon, string> = {
  person: 'M8 8a2.7 2.7 0 1 0 0-5.4A2.7 2.7 0 0 0 8 8Zm-5 5.4c0-2.6 2.2-4 5-4s5 1.4 5 4',
  group: 'M6 7.6a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4Zm-4.3 5c0-2.2 1.9-3.4 4.3-3.4s4.3 1.2 4.3 3.4M10.8 3.4a2.2 2.2 0 0 1 0 4M12 9.4c1.5.4 2.4 1.5 2.4 3.2',
  role: 'M8 1.8 13.2 4v4c0 3.2-2.2 5.3-5.2 6.4C5 13.300 2.800 11.200 2.800 8V4Z',
  workload: 'M8 1.9 13.400 5v6L8 14.100 2.600 11V5ZM2.800 5.100 8 8.100l5.200-3M8 8.100v5.800',
  data: 'M2.800 4.200C2.800 3 5.100 2 8 2s5.200 1 5.200 2.200S10.900 6.400 8 6.400 2.800 5.400 2.800 4.200Zm0 0v7.600C2.800 13 5.100 14 8 14s5.200-1 5.200-2.200V4.200M2.800 8c0 1.200 2.300 2.200 5.200 2.200s5.200-1 5.200-2.200',
  secret: 'M4.600 7V5a3.400 3.400 0 0 1 6.800 0v2M3 7h10v7H3Zm5 2.600v1.800',
  key: 'M10.200 9.200a3.600 3.600 0 1 0-3.400-2.500L2 11.500V14h2.500v-1.600h1.700v-1.700h1.700l1-1.600c.4.100.9.100 1.300.100Zm.8-4.200h.010',
  policy: 'M3.400 1.900h6L12.600 5v9.100H3.400ZM9.200 1.900V5.200h3.400M5.600 8h4.800M5.600 10.800h4.800',
  tenant: 'M3 14V3.600L8.400 2v12M8.400 6.400 13 8v6M1.800 14h12.400M5 6h1M5 8.600h1M5 11.200h1M10.400 10h.800',
  outside: 'M8 14.200A6.200 6.200 0 1 0 8 1.800a6.200 6.200 0 0 0 0 12.400ZM1.900 8h12.200M8 1.900c2 1.700 2.600 3.900 2.600 6.100S10 12.400 8 14.100C6 12.400 5.400 10.200 5.400 8S6 3.600 8 1.900Z',
  scope: 'M2.400 5.400V2.400h3M10.600 2.400h3v3M13.600 10.600v3h-3M5.400 13.600h-3v-3M5.600 8h4.800M8 5.600v4.800',
  image: 'M2.200 5.200 8 2.400l5.800 2.800L8 8ZM2.200 8 8 10.800 13.800 8M2.200 10.800 8 13.600l5.800-2.800',
}

export function KindIcon({ kind, size = 16 }: { kind: string; size?: number }) {
  const shape = icon(kind)
  return (
    <svg className={`kind kind-${shape}`} width={size} height={size} viewBox="0 0 16 16" aria-hidden="true">
      <path d={SHAPES[shape]} />
    </svg>
  )
}

export function entityHref(id: string): string {
  return `/entity?id=${encodeURIComponent(id)}`
}

export function EntityLink({ entity, bare }: { entity: Entity; bare?: boolean }) {
  const where = place(entity)
  return (
    <span className="entity">
      <KindIcon kind={entity.kind} />
      <span className="entity-words">
        <Link href={entityHref(entity.id)} title={entity.id}>
          {entity.name || entity.id}
        </Link>
        {!bare && (
          <span className="muted">
            {kindLabel(entity.kind)}
            {where && ` · ${where}`}
          </span>
        )}
      </span>
    </span>
  )
}

/** An entity that is no link, such as in a list of choices. */
export function EntityName({ entity }: { entity: Entity }) {
  const where = place(entity)
  return (
    <span className="entity">
      <KindIcon kind={entity.kind} />
      <span className="entity-words">
        <span className="name">{entity.name || entity.id}</span>
        <span className="muted">
          {kindLabel(entity.kind)}
          {where && ` · ${where}`}
        </span>
      </span>
    </span>
  )
}

export function Copy({ text, label }: { text: string; label: string }) {
  const [done, setDone] = useState(false)
  return (
    <button
      type="button"
      className="quiet"
      aria-label={label}
      onClick={() => {
        void navigator.clipboard?.writeText(text).then(() => {
          setDone(true)
          setTimeout(() => setDone(false), 1500)
        })
      }}
    >
      <span aria-live="polite">{done ? 'copied' : 'copy'}</span>
    </button>
  )
}
