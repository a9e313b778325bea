// One finding: what it means, why it matters that much, the path, and what provably ends it.

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Button, Dialog, DialogTrigger, Heading, Modal, ModalOverlay } from 'react-aria-components'
import { Link, useLocation } from 'wouter'
import { change, getFinding, useGet, type Finding, type Fix, type Problem } from '../api'
import { SeverityBadge, VerdictBadge } from '../parts/badges'
import { Chain } from '../parts/chain'
import { Diff, Plain } from '../parts/code'
import { Copy, EntityLink } from '../parts/entity'
import { Conditions, HopPanel, Statements } from '../parts/hop'
import { Failed, Gaps, Waiting } from '../parts/state'
import { useMeta, useTitle } from '../session'
import { day, plural } from '../words'
import { draftOf } from '../draft'
import { pathHref } from './paths'

export default function FindingView({ id }: { id: string }) {
  const query = useQuery<Finding, Problem>({ queryKey: ['finding', id], queryFn: () => getFinding(id), staleTime: Infinity })
  useTitle(query.data?.title ?? 'Finding')
  if (query.error) return <Failed problem={query.error} retry={() => void query.refetch()} />
  if (!query.data) return <Waiting rows={12} label="Working out what ends it" />
  return <Whole finding={query.data} />
}

function Whole({ finding }: { finding: Finding }) {
  const [at, setAt] = useState(0)
  const [open, setOpen] = useState<number | null>(null)
  const path = finding.paths[at]
  const hop = path && open !== null ? path.hops[open] : undefined
  return (
    <>
      <p className="crumbs">
        <Link href="/findings">Findings</Link> / <Link href={`/findings?rule=${finding.rule}`}>{finding.rule_page.title}</Link>
      </p>
      <div className="title">
        <SeverityBadge severity={finding.severity} />
        <h1>{finding.title}</h1>
      </div>
      <div className="facts-line">
        <EntityLink entity={finding.subject} />
        <VerdictBadge verdict={finding.verdict} />
        {finding.status.state === 'new' && <span className="badge">new</span>}
        {finding.attack.map((one) => (
          <span key={one} className="badge">
            ATT&amp;CK {one}
          </span>
        ))}
        <span className="muted">{finding.id}</span>
      </div>
      <Accept finding={finding} />
      <div className="columns wide-left">
        <div className="stack">
          <section className="panel">
            <h2>What it means</h2>
            {finding.explanation.map((text) => (
              <p key={text}>{text}</p>
            ))}
            {finding.conditions.length > 0 && (
              <>
                <h3>What would have to be true</h3>
                <Conditions conditions={finding.conditions} />
              </>
            )}
          </section>
          {path && (
            <section className="panel path-panel">
              <div className="panel-head">
                <h2>The path</h2>
                {finding.paths.length > 1 && (
                  <span className="pager">
                    <button type="button" className="quiet" disabled={at === 0} onClick={() => (setAt(at - 1), setOpen(null))}>
                      previous
                    </button>
                    {at + 1} of {finding.paths.length}
                    <button type="button" className="quiet" disabled={at + 1 >= finding.paths.length} onClick={() => (setAt(at + 1), setOpen(null))}>
                      next
                    </button>
                  </span>
                )}
              </div>
              <Chain path={path} open={open} onOpen={(n) => setOpen(open === n ? null : n)} />
              <p className="muted">
                {path.origin.name} → {path.target.name}. <Link href={pathHref(path)}>Open this path</Link>
                {finding.path_count > finding.paths.length && ` · ${plural(finding.path_count, 'path')} in all`}
              </p>
              {hop && open !== null && <HopPanel key={`${at} ${open}`} hop={hop} path={path} n={open} />}
            </section>
          )}
          <Fixes finding={finding} />
        </div>
        <div className="stack">
          <section className="panel">
            <h2>Why it is {finding.severity}</h2>
            <ul className="reasons">
              {finding.reasons.map((reason) => (
                <li key={reason.name + reason.text}>
                  <span className="points">{reason.points > 0 ? `+${reason.points}` : reason.points}</span> <span>{reason.text} <span className="muted">{reason.name}</span></span>
                </li>
              ))}
            </ul>
          </section>
          {finding.targets.length > 0 && (
            <section className="panel">
              <h2>
                What it touches <span className="muted">{finding.target_count}</span>
              </h2>
              <ul className="rows">
                {finding.targets.map((target) => (
                  <li key={target.id}>
                    <EntityLink entity={target} />
                  </li>
                ))}
              </ul>
            </section>
          )}
          {finding.statements.length > 0 && (
            <section className="panel">
              <h2>Who says so</h2>
              <Statements statements={finding.statements} />
            </section>
          )}
          <section className="panel">
            <h2>About this rule</h2>
            <p>{finding.rule_page.what}</p>
            <p>{finding.rule_page.why}</p>
            <details>
              <summary>How it is decided</summary>
              <p>{finding.rule_page.how}</p>
              {finding.rule_page.quiet && (
                <>
                  <h3>What makes it quiet</h3>
                  <p>{finding.rule_page.quiet}</p>
                </>
              )}
            </details>
            {finding.rule_page.references.length > 0 && (
              <ul>
                {finding.rule_page.references.map((reference) => (
                  <li key={reference}>{reference.startsWith('https://') ? <a href={reference} rel="noreferrer noopener" target="_blank">{reference.replace('https://', '')}</a> : reference}</li>
                ))}
              </ul>
            )}
          </section>
          <Gaps gaps={finding.coverage_gaps} />
        </div>
      </div>
    </>
  )
}

function Fixes({ finding }: { finding: Finding }) {
  if (finding.fixes.length === 0) {
    return (
      <section className="panel">
        <h2>What to do</h2>
        <p>{finding.rule_page.todo}</p>
        <p className="muted">No change of policies was found that ends it.</p>
      </section>
    )
  }
  return (
    <section className="panel" id="fixes">
      <h2>What ends it</h2>
      <p className="muted">Each was tried on a copy of the organization before it is shown. Nothing is changed in AWS.</p>
      {finding.fixes.map((fix, n) => (
        <FixCard key={n} fix={fix} best={n === 0} />
      ))}
    </section>
  )
}

function FixCard({ fix, best }: { fix: Fix; best: boolean }) {
  const [, go] = useLocation()
  const draft = draftOf(fix)
  return (
    <details className="fix" open={best}>
      <summary>
        <span>{fix.title}</span>
        {best && <span className="badge">best</span>}
      </summary>
      <ul className="proof">
        {fix.proof.checked.map((text) => (
          <li key={text}>{text}</li>
        ))}
      </ul>
      {fix.proof.notes.length > 0 && (
        <ul className="notes">
          {fix.proof.notes.map((text) => (
            <li key={text}>{text}</li>
          ))}
        </ul>
      )}
      {fix.proof.also_lost > 0 && <p>{plural(fix.proof.also_lost, 'other pair')} of origin and data {fix.proof.also_lost === 1 ? 'loses its' : 'lose their'} path as well.</p>}
      {fix.proof.also_ends.length > 0 && <p>It also ends {plural(fix.proof.also_ends.length, 'other finding')}.</p>}
      {(fix.settings ?? []).map((text) => (
        <p key={text}>{text}</p>
      ))}
      {fix.documents.map((document, n) => (
        <div key={n}>
          <h3>
            {document.policy} <span className="muted">of {document.holder}</span> {document.after && <Copy text={document.after} label={`Copy the new ${document.policy}`} />}
          </h3>
          <Diff text={document.diff} />
        </div>
      ))}
      <details>
        <summary>Terraform</summary>
        <Copy text={fix.terraform} label="Copy the Terraform" />
        <Plain text={fix.terraform} label="Terraform" />
      </details>
      {draft && (
        <button type="button" onClick={() => go('/what-if', { state: { draft } })}>
          Try it in What if
        </button>
      )}
    </details>
  )
}

function Accept({ finding }: { finding: Finding }) {
  const meta = useMeta()
  const client = useQueryClient()
  const done = (next: Finding) => {
    client.setQueryData(['finding', finding.id], next)
    void client.invalidateQueries({ queryKey: ['/findings'] })
    void client.invalidateQueries({ queryKey: ['/overview'] })
    void client.invalidateQueries({ queryKey: ['/suppressions'] })
    void client.invalidateQueries({ queryKey: ['/entity'] })
  }
  const back = useMutation<Finding, Problem>({ mutationFn: () => change('DELETE', `/findings/${finding.id}/suppress`, meta.csrf), onSuccess: done })
  if (meta.user.role === 'viewer' && finding.status.state !== 'suppressed') return null
  if (finding.status.state === 'suppressed') {
    return (
      <div className="note">
        <p>
          <strong>Accepted</strong>
          {finding.status.by && ` by ${finding.status.by}`}
          {finding.status.until ? ` until ${day(finding.status.until)}` : ' without an end'}: {finding.status.reason}
        </p>
        <Yaml />
        {meta.user.role !== 'viewer' && (
          <button type="button" onClick={() => back.mutate()} disabled={back.isPending}>
            Take it back
          </button>
        )}
        {back.error && <Failed problem={back.error} />}
      </div>
    )
  }
  return (
    <DialogTrigger>
      <Button className="button">Accept this risk …</Button>
      <ModalOverlay className="overlay" isDismissable>
        <Modal className="modal">
          <Dialog>{({ close }) => <AcceptForm finding={finding} done={(next) => (done(next), close())} close={close} />}</Dialog>
        </Modal>
      </ModalOverlay>
    </DialogTrigger>
  )
}

function AcceptForm({ finding, done, close }: { finding: Finding; done: (next: Finding) => void; close: () => void }) {
  const meta = useMeta()
  const [reason, setReason] = useState('')
  const [until, setUntil] = useState('')
  const send = useMutation<Finding, Problem>({
    mutationFn: () => change('POST', `/findings/${finding.id}/suppress`, meta.csrf, { reason, until: until || null }),
    onSuccess: done,
  })
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        send.mutate()
      }}
    >
      <Heading slot="title">Accept this risk</Heading>
      <p className="muted">The finding stays, but no longer counts. Who accepted it, why and until when is kept in the file of suppressions.</p>
      <label className="field">
        <span>Why</span>
        <textarea required maxLength={2000} rows={3} value={reason} onChange={(event) => setReason(event.target.value)} />
      </label>
      <label className="field">
        <span>Until (last day; empty is for good)</span>
        <input type="date" value={until} onChange={(event) => setUntil(event.target.value)} />
      </label>
      {send.error && <Failed problem={send.error} />}
      <p className="buttons">
        <button type="submit" className="primary" disabled={send.isPending || reason.trim() === ''}>
          Accept
        </button>
        <button type="button" onClick={close}>
          Cancel
        </button>
      </p>
    </form>
  )
}

function Yaml() {
  const query = useGet('/suppressions', {})
  if (!query.data?.yaml) return null
  return (
    <details>
      <summary>The file to keep in git</summary>
      <Copy text={query.data.yaml} label="Copy the file of suppressions" />
      <Plain text={query.data.yaml} label="File of suppressions" />
    </details>
  )
}
