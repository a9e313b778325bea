// An authority path, from left to right with a lane for each account; on a narrow screen from top to bottom. Each hop is a
// button that opens what decides it.

import { useLayoutEffect, useRef, useState } from 'react'
import { Link } from 'wouter'
import type { Entity, Hop, Path } from '../api'
import { evidence, hopLabel, kindLabel, lane } from '../words'
import { entityHref, KindIcon } from './entity'

/** Wide where there is room, else as narrow as names can still be read. */
const WIDTHS = [176, 106] as const
const GAPS = [124, 66] as const
const HEIGHT = 62
const LANE = 108
const HEAD = 26

function nodes(path: Path): Entity[] {
  const first = path.hops[0]
  return first ? [first.from, ...path.hops.map((hop) => hop.to)] : [path.origin, path.target]
}

export function hopClass(hop: Hop, path: Path, last: boolean): string {
  if (hop.verdict === 'denied' || (path.verdict === 'denied' && last)) return 'denied'
  return hop.verdict
}

export function Chain({ path, open, onOpen }: { path: Path; open: number | null; onOpen: (hop: number) => void }) {
  const box = useRef<HTMLDivElement>(null)
  const [room, setRoom] = useState(1000)
  useLayoutEffect(() => {
    const element = box.current
    if (!element) return
    const watch = new ResizeObserver(([entry]) => setRoom(entry?.contentRect.width ?? 0))
    watch.observe(element)
    return () => watch.disconnect()
  }, [])
  return (
    <div ref={box} className="chain-box">
      {room >= 620 ? <Wide path={path} open={open} onOpen={onOpen} room={room} /> : <Narrow path={path} open={open} onOpen={onOpen} />}
    </div>
  )
}

type Props = { path: Path; open: number | null; onOpen: (hop: number) => void }

/** How wide entities and what is between them can be drawn. */
export function sizes(count: number, room: number): { width: number; gap: number } {
  const needs = (share: number) => count * (WIDTHS[1] + share * (WIDTHS[0] - WIDTHS[1])) + (count - 1) * (GAPS[1] + share * (GAPS[0] - GAPS[1])) + 20
  const share = Math.max(0, Math.min(1, (room - needs(0)) / (needs(1) - needs(0))))
  return { width: Math.floor(WIDTHS[1] + share * (WIDTHS[0] - WIDTHS[1])), gap: Math.floor(GAPS[1] + share * (GAPS[0] - GAPS[1])) }
}

function Wide({ path, open, onOpen, room }: Props & { room: number }) {
  const all = nodes(path)
  const { width: WIDTH, gap: GAP } = sizes(all.length, room)
  const lanes: string[] = []
  for (const entity of all) if (!lanes.includes(lane(entity))) lanes.push(lane(entity))
  const width = all.length * WIDTH + (all.length - 1) * GAP + 16
  const height = HEAD + lanes.length * LANE
  const x = (n: number) => 8 + n * (WIDTH + GAP)
  const y = (entity: Entity) => HEAD + lanes.indexOf(lane(entity)) * LANE + (LANE - HEIGHT) / 2 - 6
  return (
    <div className="chain-scroll" tabIndex={0} role="region" aria-label="The path, from left to right">
      <div className={WIDTH < 150 ? 'chain compact' : 'chain'} style={{ width, minWidth: '100%', height }}>
        {lanes.map((name, n) => (
          <div key={name} className="lane" style={{ top: n === 0 ? 0 : HEAD + n * LANE - 10, height: n === 0 ? LANE + HEAD - 10 : LANE }}>
            <span className="lane-name">{name}</span>
          </div>
        ))}
        <svg className="wires" width={width} height={height} aria-hidden="true">
          {path.hops.map((hop, n) => {
            const [x1, y1] = [x(n) + WIDTH, y(all[n]!) + HEIGHT / 2]
            const [x2, y2] = [x(n + 1) - 7, y(all[n + 1]!) + HEIGHT / 2]
            const mid = (x1 + x2) / 2
            const kind = hopClass(hop, path, n === path.hops.length - 1)
            return (
              <g key={n} className={`wire wire-${kind}${open === n ? ' wire-open' : ''}`}>
                <path d={`M${x1} ${y1}C${mid} ${y1} ${mid} ${y2} ${x2} ${y2}`} />
                <path className="tip" d={`M${x2} ${y2 - 4.5}l7 4.500l-7 4.500z`} />
              </g>
            )
          })}
        </svg>
        {all.map((entity, n) => (
          <div key={n} className="chain-node" style={{ left: x(n), top: y(entity), width: WIDTH, height: HEIGHT }}>
            <NodeWords entity={entity} end={n === 0 ? 'start' : n === all.length - 1 ? 'end' : undefined} />
          </div>
        ))}
        {path.hops.map((hop, n) => {
          const top = (y(all[n]!) + y(all[n + 1]!)) / 2 + HEIGHT / 2 - 15
          return (
            <div key={n} className="hop-place" style={{ left: x(n) + WIDTH, width: GAP, top, height: 30 }}>
              <HopButton path={path} hop={hop} n={n} open={open} onOpen={onOpen} />
            </div>
          )
        })}
      </div>
    </div>
  )
}

function Narrow({ path, open, onOpen }: Props) {
  const all = nodes(path)
  return (
    <ol className="chain-narrow">
      {all.map((entity, n) => {
        const hop = path.hops[n]
        return (
          <li key={n}>
            <div className="chain-node">
              <NodeWords entity={entity} end={n === 0 ? 'start' : n === all.length - 1 ? 'end' : undefined} />
              <span className="lane-tag">{lane(entity)}</span>
            </div>
            {hop && (
              <div className={`hop-down wire-${hopClass(hop, path, n === path.hops.length - 1)}`}>
                <HopButton path={path} hop={hop} n={n} open={open} onOpen={onOpen} />
              </div>
            )}
          </li>
        )
      })}
    </ol>
  )
}

function NodeWords({ entity, end }: { entity: Entity; end?: 'start' | 'end' }) {
  return (
    <>
      <KindIcon kind={entity.kind} size={18} />
      <span className="entity-words">
        <Link href={entityHref(entity.id)} title={entity.id}>
          {entity.name || entity.id}
        </Link>
        <span className="muted">
          <span className="sr">{end === 'start' ? 'starts: ' : end === 'end' ? 'reaches: ' : ''}</span>
          {kindLabel(entity.kind)}
        </span>
      </span>
    </>
  )
}

function HopButton({ path, hop, n, open, onOpen }: Props & { hop: Hop; n: number }) {
  const last = n === path.hops.length - 1
  const kind = hopClass(hop, path, last)
  const seen = evidence(hop)?.status === 'seen'
  return (
    <button type="button" className={`hop hop-${kind}`} aria-expanded={open === n} title={hop.text} onClick={() => onOpen(n)}>
      {hopLabel(hop, path, last)}
      {kind === 'allowed_if' && <span className="mark"> if …</span>}
      {kind === 'denied' && <span className="mark"> stopped</span>}
      {hop.confidence === 'inferred' && <span className="mark"> inferred</span>}
      {seen && <span className="dot" title="seen in CloudTrail" aria-label=", seen in CloudTrail" role="img" />}
    </button>
  )
}
