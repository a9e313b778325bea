// Words of the field for what the API names shortly.

import type { Entity, Hop, Path, Schema } from './api'

/** A kind that the snapshot does not have counts of. */
const KINDS: Record<string, string> = {
  anonymous: 'anyone on the internet',
  external_account: 'account outside the organization',
  external_principal: 'principal that was not collected',
  service_principal: 'AWS service',
  resource_scope: 'every resource of a kind',
  oidc_subject: 'OIDC subject',
  saml_subject: 'SAML subject',
  iam_role: 'IAM role',
  iam_user: 'IAM user',
  iam_group: 'IAM group',
  iam_policy: 'IAM policy',
  s3_bucket: 'S3 bucket',
  kms_key: 'KMS key',
  sso_user: 'Identity Center user',
  sso_group: 'Identity Center group',
}

let told: Record<string, string> = {}

/** What the snapshot calls its kinds. */
export function learnKinds(kinds: Schema<'OfKind'>[]): void {
  told = Object.fromEntries(kinds.map((kind) => [kind.kind, kind.label]))
}

export function kindLabel(kind: string): string {
  return told[kind] ?? KINDS[kind] ?? kind.replaceAll('_', ' ')
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`
}

const VERBS: Record<string, string> = {
  ASSUMES: 'can become',
  RUNS_AS: 'runs as',
  PULLS_VIA: 'pulls images as',
  MEMBER_OF: 'is in',
  INVOKES: 'sets off',
  SENDS_TO: 'sends to',
  TRIGGERED_BY: 'is set off by',
  HOLDS_CREDENTIAL_FOR: 'holds a key of',
  CAN_ESCALATE_TO: 'can make itself',
  CAN_ACCESS: 'can use',
  PUSH_TO: 'can push to',
  IMAGE_RUNS_IN: 'its image runs in',
  ASSIGNED: 'is assigned',
  PROVISIONS: 'gives the role',
  READS_FROM: 'reads from',
  RUNS: 'runs',
}

export function verb(edge: string): string {
  return VERBS[edge] ?? edge.toLowerCase().replaceAll('_', ' ')
}

/** Edges as headings in a list of connections. */
const EDGES: Record<string, [out: string, into: string]> = {
  ASSUMES: ['Can become', 'Can be become by'],
  RUNS_AS: ['Runs as', 'Is the role of'],
  PULLS_VIA: ['Pulls images as', 'Pulls images for'],
  MEMBER_OF: ['Is in', 'Has'],
  HAS_POLICY: ['Has the policies', 'Is attached to'],
  TRUSTS: ['Trusts', 'Is trusted by'],
  SUBJECT_TO: ['Has the boundary', 'Is the boundary of'],
  CONSTRAINS: ['Is put over', 'Is under'],
  INVOKES: ['Sets off', 'Is set off by'],
  SENDS_TO: ['Sends to', 'Is sent to by'],
  TRIGGERED_BY: ['Is triggered by', 'Triggers'],
  ENCRYPTED_WITH: ['Is encrypted with', 'Encrypts'],
  HOLDS_CREDENTIAL_FOR: ['Holds a key of', 'Its key is in'],
  CAN_ESCALATE_TO: ['Can make itself', 'Others who can make themselves this'],
  READS_FROM: ['Reads from', 'Is read by'],
  ASSIGNED: ['Is assigned', 'Is assigned to'],
  PROVISIONS: ['Gives the role', 'Comes from'],
  PUSH_TO: ['Can push to', 'Is pushed to by'],
  PULL_ACCESS: ['Lets pull', 'May pull from'],
  PUSH_ACCESS: ['Lets push', 'May push to'],
  HOSTS: ['Holds the image', 'Is in the repository'],
  EXECUTED_BY: ['Is run by', 'Runs the image'],
  IMAGE_RUNS_IN: ['Its images run in', 'Runs images of'],
  DEPLOYED_FROM: ['Is deployed from', 'Deploys'],
  RUNS: ['Runs', 'Is run by'],
  EXECUTED: ['Was seen to use', 'Was seen to be used by'],
}

export function edgeHeading(edge: string, direction: 'out' | 'in'): string {
  const words = EDGES[edge]
  if (words) return direction === 'out' ? words[0] : words[1]
  return `${edge.replaceAll('_', ' ').toLowerCase()}${direction === 'in' ? ' (from)' : ''}`
}

/** What a hop gives: for data, what can be done to it. */
export function hopLabel(hop: Hop, path: Path, last: boolean): string {
  if (last && hop.edge === 'CAN_ACCESS') {
    const has = (level: string) => path.access_levels.some((one) => one === level)
    if (has('permissions') && has('write') && has('read')) return 'full control'
    const levels = ['read', 'write', 'permissions'].filter(has)
    if (levels.length) return `can ${joined(levels.map(levelVerb))}`
    return has('list') ? 'can list' : has('tagging') ? 'can tag' : 'can use'
  }
  return verb(hop.edge)
}

export function levelVerb(level: string): string {
  return level === 'permissions' ? 'change permissions' : level === 'tagging' ? 'tag' : level
}

export function joined(words: string[]): string {
  if (words.length < 2) return words.join('')
  return `${words.slice(0, -1).join(', ')} and ${words[words.length - 1]}`
}

export function time(text: string | null | undefined): string {
  if (!text) return ''
  const at = new Date(text)
  if (Number.isNaN(at.getTime())) return text
  return at.toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: text.length > 10 ? 'short' : undefined, timeZone: 'UTC' }) + (text.length > 10 ? ' UTC' : '')
}

export function day(text: string | null | undefined): string {
  return text ? time(text.slice(0, 10)) : ''
}

/** Where an entity is, for people. */
export function place(entity: Entity): string {
  return entity.account_name ?? entity.account ?? ''
}

export function lane(entity: Entity): string {
  return place(entity) || (entity.kind === 'anonymous' || entity.kind.startsWith('external') || entity.kind.startsWith('oidc') || entity.kind.startsWith('saml') ? 'Outside' : 'AWS')
}

export type Icon = 'person' | 'group' | 'role' | 'workload' | 'data' | 'secret' | 'key' | 'policy' | 'tenant' | 'outside' | 'scope' | 'image'

export function icon(kind: string): Icon {
  if (/^(anonymous|external_|oidc_|saml_)/.test(kind)) return 'outside'
  if (/(_user|root_user)$/.test(kind)) return 'person'
  if (/_group$/.test(kind)) return 'group'
  if (/(role|permission_set|service_principal|trust_anchor)$/.test(kind)) return 'role'
  if (/(secret|parameter)/.test(kind)) return 'secret'
  if (/(kms_key|access_key)/.test(kind)) return 'key'
  if (/(policy|scp|rcp|boundary)/.test(kind)) return 'policy'
  if (/^aws_/.test(kind)) return 'tenant'
  if (/^resource_scope$/.test(kind)) return 'scope'
  if (/(image|layer|package|ecr_)/.test(kind)) return 'image'
  if (/(bucket|table|rds|redshift|opensearch|queue|topic|stream|bus|knowledge_base|domain|log_group|file_system|snapshot|database)/.test(kind)) return 'data'
  return 'workload'
}

/** What CloudTrail saw of a hop. */
export type Evidence =
  | { status: 'seen'; count: number; first: string; last: string; event: string; actions: string[] }
  | { status: 'not_seen'; confidence: string }
  | { status: 'cannot_be_seen'; why: string }
  | { status: 'no_event' }

export function evidence(hop: Hop): Evidence | null {
  const value = hop.evidence
  return value && typeof value === 'object' && 'status' in value ? (value as Evidence) : null
}

export function evidenceWords(value: Evidence | null): string {
  switch (value?.status) {
    case 'seen':
      return `Seen ${plural(value.count, 'time')}, last ${time(value.last)}`
    case 'not_seen':
      return value.confidence === 'high' ? 'Never seen in the window; it would have been recorded' : 'Not seen; records may not cover every resource'
    case 'cannot_be_seen':
      return value.why.charAt(0).toUpperCase() + value.why.slice(1)
    case 'no_event':
      return 'Nothing that CloudTrail records: it is configuration'
    default:
      return 'Unknown: no CloudTrail was given'
  }
}
