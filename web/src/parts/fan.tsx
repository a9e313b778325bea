// Who reaches something, or what something reaches, as a small graph of groups: never one line for each.

import dagre from '@dagrejs/dagre'
import { useMemo } from 'react'
import { KindIcon } from './entity'

export type Group = { id: string; label: string; note: string; kind: string; count: number; column: 'left' | 'middle' | 'right' }
export type Link = { from: string; to: string; count: number }

const WIDTH = 224
const HEIGHT = 46

export function Fan({ groups, links, chosen, onChoose, label }: { groups: Group[]; links: Link[]; chosen: string | null; onChoose: (id: string | null) => void; label: string }) {
  const drawn = useMemo(() => {
    const graph = new dagre.graphlib.Graph()
    graph.setGraph({ rankdir: 'LR', nodesep: 14, ranksep: 90, marginx: 8, marginy: 8 })
    graph.setDefaultEdgeLabel(() => ({}))
    for (const group of groups) graph.setNode(group.id, { width: WIDTH, height: HEIGHT })
    for (const link of links) graph.setEdge(link.from, link.to, { weight: link.count })
    dagre.layout(graph)
    const { width = 0, height = 0 } = graph.graph()
    return { graph, width, height }
  }, [groups, links])
  const most = Math.max(1, ...links.map((link) => link.count))
  return (
    <div className="fan-scroll" tabIndex={0} role="region" aria-label={label}>
      <div className="fan" style={{ width: drawn.width, height: drawn.height }}>
        <svg width={drawn.width} height={drawn.height} aria-hidden="true">
          {links.map((link) => {
            const [a, b] = [drawn.graph.node(link.from), drawn.graph.node(link.to)]
            if (!a || !b) return null
            const [x1, y1, x2, y2] = [a.x + WIDTH / 2, a.y, b.x - WIDTH / 2, b.y]
            const mid = (x1 + x2) / 2
            const on = chosen === null || chosen === link.from || chosen === link.to
            return <path key={`${link.from} ${link.to}`} className={on ? 'fan-link' : 'fan-link faint'} d={`M${x1} ${y1}C${mid} ${y1} ${mid} ${y2} ${x2} ${y2}`} strokeWidth={1 + (link.count / most) * 5} />
          })}
        </svg>
        {groups.map((group) => {
          const node = drawn.graph.node(group.id)
          if (!node) return null
          return (
            <button
              key={group.id}
              type="button"
              className={`fan-node fan-${group.column}`}
              title={group.label}
              aria-pressed={chosen === group.id}
              disabled={group.column === 'right' && group.count === 0}
              style={{ left: node.x - WIDTH / 2, top: node.y - HEIGHT / 2, width: WIDTH, height: HEIGHT }}
              onClick={() => onChoose(chosen === group.id ? null : group.id)}
            >
              <KindIcon kind={group.kind} />
              <span className="entity-words">
                <span className="name">{group.label}</span>
                <span className="muted">{group.note}</span>
              </span>
            </button>
          )
        })}
      </div>
    </div>
  )
}
