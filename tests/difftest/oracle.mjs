// Reads requests of `sv0 simulate` (docs/simulate.md), one JSON document a line, asks @cloud-copilot/iam-simulate and
// writes {id, decision} or {id, error}, a line each, in the same order. Development only; a process of its own.

import { createInterface } from 'node:readline'
import { anonymousPrincipal, runSimulation } from '@cloud-copilot/iam-simulate'

const DECISIONS = { Allowed: 'allowed', ImplicitlyDenied: 'implicit_deny', ExplicitlyDenied: 'explicit_deny' }

const named = (policies, prefix) => (policies ?? []).map((policy, i) => ({ name: `${prefix}${i}`, policy }))
const levels = (list, prefix) =>
  (list ?? []).map((policies, i) => ({ orgIdentifier: `${prefix}${i}`, policies: named(policies, `${prefix}${i}-`) }))

function accountOf(arn) {
  const account = arn.split(':')[4] ?? ''
  return /^\d{12}$/.test(account) ? account : undefined
}

async function ask(q) {
  const simulation = {
    request: {
      principal: q.principal === 'anonymous' ? anonymousPrincipal : q.principal,
      action: q.action,
      resource: {
        resource: q.resource,
        accountId: q.resource_account ?? accountOf(q.resource) ?? q.principal_account ?? accountOf(q.principal),
      },
      contextVariables: q.context ?? {},
    },
    sessionPolicy: q.session_policy ?? undefined,
    identityPolicies: named(q.identity_policies, 'identity'),
    serviceControlPolicies: levels(q.service_control_policies, 'scp'),
    resourceControlPolicies: levels(q.resource_control_policies, 'rcp'),
    resourcePolicy: q.resource_policy ?? undefined,
    permissionBoundaryPolicies: q.permission_boundaries?.length ? named(q.permission_boundaries, 'pb') : undefined,
    additionalSettings: { s3: { blockPublicAccess: q.block_public_access ?? false } },
    vpcEndpointPolicies: q.endpoint_policies?.length ? named(q.endpoint_policies, 'vpce') : undefined,
  }
  const answer = await runSimulation(simulation, { simulationMode: 'Strict' })
  if (answer.resultType === 'error') {
    return { id: q.id, error: JSON.stringify(answer.errors) }
  }
  const decision = DECISIONS[answer.overallResult]
  if (!decision) {
    return { id: q.id, error: `result ${answer.overallResult}` }
  }
  const ignored = answer.result?.ignoredContextKeys ?? []
  return ignored.length > 0 ? { id: q.id, decision, ignored } : { id: q.id, decision }
}

const out = []
for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  if (line.trim() === '') continue
  const q = JSON.parse(line)
  let answer
  try {
    answer = await ask(q)
  } catch (error) {
    answer = { id: q.id, error: String(error?.message ?? error) }
  }
  out.push(JSON.stringify(answer))
  if (out.length === 512) process.stdout.write(out.splice(0).join('\n') + '\n')
}
if (out.length > 0) process.stdout.write(out.join('\n') + '\n')
