// Small marks that say by a word, not by their colour alone, how something stands.

import type { Schema, Sensitivity, Severity } from '../api'

export function VerdictBadge({ verdict }: { verdict: Schema<'PathVerdict'> }) {
  const words = { allowed: 'certain', allowed_if: 'under conditions', denied: 'stopped' }
  return <span className={`badge verdict-${verdict}`}>{words[verdict]}</span>
}

export function SensitivityBadge({ sensitivity }: { sensitivity: Sensitivity | null | undefined }) {
  if (!sensitivity) return null
  return <span className={`badge sensitivity-${sensitivity}`}>{sensitivity === 'unknown' ? 'sensitivity unknown' : sensitivity}</span>
}

export const SEVERITIES: Severity[] = ['critical', 'high', 'medium', 'low', 'informational']

export function SeverityBadge({ severity }: { severity: Severity }) {
  return <span className={`badge severity severity-${severity}`}>{severity}</span>
}

export function Levels({ levels }: { levels: string[] }) {
  const words: Record<string, string> = { permissions: 'permissions', write: 'write', read: 'read', list: 'list', tagging: 'tag' }
  return (
    <span className="levels">
      {['list', 'tagging', 'read', 'write', 'permissions']
        .filter((level) => levels.includes(level))
        .map((level) => (
          <span key={level} className={`level level-${level}`}>
            {words[level]}
          </span>
        ))}
    </span>
  )
}
