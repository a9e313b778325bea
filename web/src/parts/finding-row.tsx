// A finding in a list.

import { Link } from 'wouter'
import type { Summary } from '../api'
import { place, plural } from '../words'
import { SeverityBadge } from './badges'

export function FindingRow({ finding }: { finding: Summary }) {
  const where = place(finding.subject)
  const facts = [
    finding.rule_title,
    where,
    finding.verdict === 'allowed_if' && 'under conditions',
    finding.target_count > 1 && `touches ${finding.target_count.toLocaleString('en')}`,
    finding.seen !== null && finding.seen !== undefined && finding.seen > 0 && `used ${plural(finding.seen, 'time')}`,
    finding.status.state === 'new' && 'new',
    finding.status.state === 'suppressed' && 'accepted',
  ].filter(Boolean)
  return (
    <li className={`finding-row${finding.status.state === 'suppressed' ? ' off' : ''}`}>
      <SeverityBadge severity={finding.severity} />
      <span className="entity-words">
        <Link href={`/findings/${finding.id}`}>{finding.title}</Link>
        <span className="muted">{facts.join(' · ')}</span>
      </span>
    </li>
  )
}
