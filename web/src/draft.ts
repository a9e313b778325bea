// A change that is being thought about.

import type { Draft, Fix } from './api'

export type { Draft }

export function emptyDraft(): Draft {
  return { documents: [], remove_edges: [], detach: [], delete: [] }
}

export function isEmpty(draft: Draft): boolean {
  return !(draft.documents?.length || draft.remove_edges?.length || draft.detach?.length || draft.delete?.length)
}

/** A fix as a change to try; null where it is not of policies alone, or makes a policy that nobody holds yet. */
export function draftOf(fix: Fix): Draft | null {
  const draft = emptyDraft()
  for (const document of fix.documents) {
    // A policy that nobody holds yet, such as an SCP, has no place to be tried in.
    if ((document.before === null || document.before === undefined) && document.slot === 'document') return null
    draft.documents!.push({ policy_id: document.holder, slot: document.slot, policy: document.policy, json: document.after ?? null })
  }
  for (const [policy, from] of (fix.detach ?? []) as [string, string][]) draft.detach!.push({ policy, from })
  draft.delete!.push(...(fix.delete ?? []))
  return isEmpty(draft) ? null : draft
}

/** The text of a draft that the browser keeps while one looks elsewhere. */
export function readDraft(value: unknown): Draft | null {
  if (!value || typeof value !== 'object') return null
  const draft = { ...emptyDraft(), ...(value as Partial<Draft>) }
  return isEmpty(draft) ? null : draft
}
