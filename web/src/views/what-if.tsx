// What a change would do, before anybody makes it.

import { useMutation } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { useHistoryState } from 'wouter/use-browser-location'
import { change, useGet, type Difference, type Problem, type Schema } from '../api'
import { Levels, SensitivityBadge, VerdictBadge } from '../parts/badges'
import { EntityLink } from '../parts/entity'
import { EntityField } from '../parts/form'
import { Answered, Failed, Gaps, Nothing, Waiting } from '../parts/state'
import { emptyDraft, isEmpty, readDraft, type Draft } from '../draft'
import { useMeta, useParam, useTitle } from '../session'
import { plural } from '../words'
import { inWords } from './paths'

type Would = Schema<'Would'>

export default function WhatIf() {
  useTitle('What if')
  const meta = useMeta()
  const state = useHistoryState<{ draft?: unknown } | null>()
  const [policyId] = useParam('policy_id')
  const [slot] = useParam('slot')
  const [policy] = useParam('policy')
  const [draft, setDraft] = useState<Draft>(() => readDraft(state?.draft) ?? emptyDraft())
  const ask = useMutation<Would, Problem, Draft>({ mutationFn: (body) => change('POST', '/what-if', meta.csrf, body) })
  const { mutate } = ask
  // A fix that was brought here is tried at once.
  useEffect(() => {
    const brought = readDraft(state?.draft)
    if (brought) mutate(brought)
  }, [state, mutate])
  return (
    <>
      <h1>What if</h1>
      <p className="muted">Change a policy or cut a connection on a copy of the organization, and see who gains and who loses access. Nothing is changed in AWS.</p>
      <Add draft={draft} setDraft={setDraft} policyId={policyId} slot={slot} policy={policy} />
      <Changes draft={draft} setDraft={setDraft} />
      <p className="buttons">
        <button type="button" className="primary" disabled={isEmpty(draft) || ask.isPending} onClick={() => mutate(draft)}>
          Show what it would do
        </button>
        {!isEmpty(draft) && (
          <button type="button" onClick={() => (setDraft(emptyDraft()), ask.reset())}>
            Start again
          </button>
        )}
      </p>
      {ask.isPending && <Waiting rows={6} label="Working it out" />}
      {ask.error && <Failed problem={ask.error} />}
      {ask.data && <Outcome would={ask.data} />}
    </>
  )
}

function Add({ draft, setDraft, policyId, slot, policy }: { draft: Draft; setDraft: (draft: Draft) => void; policyId: string; slot: string; policy: string }) {
  const [who, setWho] = useState(policyId)
  const [from, setFrom] = useState('')
  const [to, setTo] = useState('')
  return (
    <div className="columns">
      <section className="panel">
        <h2>Change a policy</h2>
        <EntityField label="Whose policy" hint="a role, bucket, key, policy …" value={who} onChange={setWho} />
        <Documents id={who} slot={slot} policy={policy} draft={draft} setDraft={setDraft} />
      </section>
      <section className="panel">
        <h2>Cut a connection</h2>
        <form
          onSubmit={(event) => {
            event.preventDefault()
            setDraft({ ...draft, remove_edges: [...(draft.remove_edges ?? []), { from: from.trim(), to: to.trim() }] })
          }}
        >
          <EntityField label="From" hint="such as a user or role" value={from} onChange={setFrom} />
          <EntityField label="To" hint="what it leads to" value={to} onChange={setTo} />
          <button type="submit" disabled={!from.trim() || !to.trim()}>
            Cut it
          </button>
        </form>
      </section>
    </div>
  )
}

function Documents({ id, slot, policy, draft, setDraft }: { id: string; slot: string; policy: string; draft: Draft; setDraft: (draft: Draft) => void }) {
  const known = /^arn:|^p-|^\*/.test(id)
  const query = useGet('/entity', { id }, { enabled: known })
  const [at, setAt] = useState<number | null>(null)
  if (!known) return <p className="muted">Choose it from the list.</p>
  return (
    <Answered query={query} rows={3}>
      {(one) => {
        const mine = one.documents.filter((document) => !document.aws_managed)
        const asked = mine.findIndex((document) => document.slot === slot && document.name === policy)
        const chosen = at ?? (asked >= 0 ? asked : 0)
        const document = mine[chosen]
        if (!document) return <Nothing>It has no policy of its own that could be changed.</Nothing>
        return (
          <>
            <label className="field">
              <span>Policy</span>
              <select value={chosen} onChange={(event) => setAt(Number(event.target.value))}>
                {mine.map((each, n) => (
                  <option key={n} value={n}>
                    {each.name} ({each.slot})
                  </option>
                ))}
              </select>
            </label>
            <Editor
              key={`${document.policy_id} ${document.name}`}
              text={document.json}
              onUse={(json) =>
                setDraft({
                  ...draft,
                  documents: [
                    ...(draft.documents ?? []).filter((each) => each.policy_id !== document.policy_id || each.policy !== document.name),
                    { policy_id: document.policy_id, slot: document.slot, policy: document.name, json },
                  ],
                })
              }
            />
          </>
        )
      }}
    </Answered>
  )
}

/** Where JSON stops being JSON, in words. */
function wrong(text: string): string | null {
  try {
    JSON.parse(text)
    return null
  } catch (error) {
    return error instanceof Error ? error.message : 'not JSON'
  }
}

function Editor({ text, onUse }: { text: string; onUse: (json: string) => void }) {
  const [json, setJson] = useState(text)
  const problem = wrong(json)
  return (
    <>
      <label className="field">
        <span>Document</span>
        <textarea className="editor" rows={Math.min(24, json.split('\n').length + 1)} spellCheck={false} value={json} aria-invalid={problem !== null} aria-describedby="document-problem" onChange={(event) => setJson(event.target.value)} />
      </label>
      <p id="document-problem" className="condition" role="status">
        {problem && `Not JSON yet: ${problem}`}
      </p>
      <button type="button" disabled={problem !== null || json === text} onClick={() => onUse(json)}>
        Use this document
      </button>
    </>
  )
}

function Changes({ draft, setDraft }: { draft: Draft; setDraft: (draft: Draft) => void }) {
  if (isEmpty(draft)) return null
  const without = <T,>(list: T[] | undefined, n: number) => (list ?? []).filter((_, at) => at !== n)
  return (
    <section className="panel">
      <h2>The change</h2>
      <ul className="rows">
        {draft.documents?.map((each, n) => (
          <li key={`d${n}`} className="split">
            <span>
              {each.json === null ? 'Delete' : 'Replace'} <strong>{each.policy}</strong> <span className="muted">of {each.policy_id}</span>
            </span>
            <button type="button" className="quiet" onClick={() => setDraft({ ...draft, documents: without(draft.documents, n) })}>
              leave it out
            </button>
          </li>
        ))}
        {draft.remove_edges?.map((each, n) => (
          <li key={`e${n}`} className="split">
            <span>
              Cut <strong>{each.from}</strong> → <strong>{each.to}</strong>
            </span>
            <button type="button" className="quiet" onClick={() => setDraft({ ...draft, remove_edges: without(draft.remove_edges, n) })}>
              leave it out
            </button>
          </li>
        ))}
        {draft.detach?.map((each, n) => (
          <li key={`t${n}`} className="split">
            <span>
              Detach <strong>{each.policy}</strong> from <strong>{each.from}</strong>
            </span>
            <button type="button" className="quiet" onClick={() => setDraft({ ...draft, detach: without(draft.detach, n) })}>
              leave it out
            </button>
          </li>
        ))}
        {draft.delete?.map((each, n) => (
          <li key={`x${n}`} className="split">
            <span>
              Delete <strong>{each}</strong>
            </span>
            <button type="button" className="quiet" onClick={() => setDraft({ ...draft, delete: without(draft.delete, n) })}>
              leave it out
            </button>
          </li>
        ))}
      </ul>
    </section>
  )
}

function Outcome({ would }: { would: Would }) {
  return (
    <section aria-live="polite" aria-label="What it would do">
      <ul className="notes">
        {would.changes.map((text) => (
          <li key={text}>{text}</li>
        ))}
        {would.notes.map((text) => (
          <li key={text}>{text}</li>
        ))}
      </ul>
      {would.gained_total === 0 && would.lost_total === 0 && <p className="big">Nobody reaches more or less: what goes this way goes another way as well, or nothing does.</p>}
      <div className="columns">
        <Differences name="Gained" kind="bad" total={would.gained_total} list={would.gained} />
        <Differences name="Lost" kind="good" total={would.lost_total} list={would.lost} />
      </div>
      <p className="muted">
        Pairs of origin and target: {would.pairs_before.toLocaleString('en')} before, {would.pairs_after.toLocaleString('en')} after.
      </p>
      <Gaps gaps={would.coverage_gaps} />
    </section>
  )
}

export function Differences({ name, kind, total, list }: { name: string; kind: 'good' | 'bad'; total: number; list: Difference[] }) {
  const [most, setMost] = useState(30)
  return (
    <section className={`panel difference-${total > 0 ? kind : 'none'}`}>
      <h2>
        {name}: {total === 0 ? 'nothing' : plural(total, 'pair')}
      </h2>
      <ul className="rows">
        {list.slice(0, most).map((one, n) => (
          <li key={n} className="path-row">
            <span className="route">
              <EntityLink entity={one.origin} />
              <span aria-hidden="true">→</span>
              <EntityLink entity={one.target} />
            </span>
            <span className="marks">
              <Levels levels={one.access_levels} />
              <VerdictBadge verdict={one.verdict} />
              {one.sensitivity !== 'unknown' && <SensitivityBadge sensitivity={one.sensitivity} />}
            </span>
            <p className="muted">{inWords(one.path)}</p>
          </li>
        ))}
      </ul>
      {list.length > most && (
        <button type="button" onClick={() => setMost(most + 100)}>
          Show more
        </button>
      )}
    </section>
  )
}
