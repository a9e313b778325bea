// Who can do an action on a resource, asked of @cloud-copilot/iam-simulate: one simulation for each principal of an
// iam-collect folder. Development only; a process of its own.
//
//   node who_can.mjs STORE ACTION RESOURCE [SERVICE]
//
// STORE is the folder that holds `accounts` and `organizations`. SERVICE, such as s3.eu-west-1.amazonaws.com, makes the
// request on the principal's behalf: what KMS sees when something encrypted is read.
//
// Writes {simulated, who: {ARN: "allowed" | "allowed_if"}}. What the folder tells about a request is given as known;
// other condition keys are left open (Discovery), so that a grant that hangs on them is `allowed_if`.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runSimulation } from '@cloud-copilot/iam-simulate'

const [store, action, resource, via] = process.argv.slice(2)

const json = (...parts) => {
  const path = join(...parts)
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined
}
const list = (...parts) => (existsSync(join(...parts)) ? readdirSync(join(...parts)) : [])

// ---- the organisation: what binds an account, level by level, root first ----

const [orgId] = list(store, 'organizations')
const org = join(store, 'organizations', orgId)
const [units, accounts] = [json(org, 'ous.json'), json(org, 'accounts.json')]
const ceilings = new Map()

function ceiling(word, arn) {
  if (!ceilings.has(arn)) ceilings.set(arn, json(org, word, arn.split('/').at(-1).toLowerCase(), 'policy.json'))
  return { name: arn, policy: ceilings.get(arn) }
}

function unitsAbove(account) {
  const out = []
  for (let unit = accounts[account]?.ou; unit; unit = units[unit].parent) out.unshift(unit)
  return out
}

function levels(account, word) {
  const entry = (id, found) => ({
    orgIdentifier: id,
    policies: found[word].map((arn) => ceiling(word, arn)).filter(({ name }) => !name.endsWith('/p-RCPFullAWSAccess')),
  })
  return [...unitsAbove(account).map((id) => entry(id, units[id])), entry(account, accounts[account])]
}

const management = json(org, 'metadata.json').rootAccountId
const paths = (account) => [`${orgId}/${unitsAbove(account).join('/')}/`]

// ---- IAM ----

const managed = new Map()

function policy(account, arn) {
  if (!managed.has(arn)) {
    const [, , , , owner, rest] = arn.split(':')
    const id = encodeURIComponent(rest.slice('policy/'.length)).toLowerCase()
    const folder = owner === 'aws' ? join('aws', 'policy', id) : join('policy', id)
    managed.set(arn, json(store, 'accounts', account, 'iam', folder, 'policy.json'))
  }
  return { name: arn, policy: managed.get(arn) }
}

function own(account, folder, from) {
  const attached = (json(folder, 'managed-policies.json') ?? []).map((arn) => policy(account, arn))
  const inline = json(folder, 'inline-policies.json') ?? []
  return [...attached, ...inline.map((p) => ({ name: `${from}#${p.PolicyName}`, policy: p.PolicyDocument }))]
}

function* principals() {
  for (const account of list(store, 'accounts')) {
    for (const type of ['role', 'user']) {
      const base = join(store, 'accounts', account, 'iam', type)
      for (const name of list(base)) {
        const folder = join(base, name)
        const metadata = json(folder, 'metadata.json')
        const policies = own(account, folder, metadata.arn)
        for (const group of json(folder, 'groups.json') ?? []) {
          const id = encodeURIComponent(group.split(':group/')[1]).toLowerCase()
          policies.push(...own(account, join(store, 'accounts', account, 'iam', 'group', id), group))
        }
        const boundary = metadata.permissionBoundary
        yield {
          arn: metadata.arn,
          account,
          user: type === 'user' ? metadata.name : undefined,
          linked: metadata.arn.includes(':role/aws-service-role/'),
          policies: [...new Map(policies.map((p) => [p.name, p])).values()],
          boundary: boundary && [policy(account, boundary)],
          tags: json(folder, 'tags.json') ?? {},
        }
      }
    }
  }
}

// ---- the resource ----

const [, , service, region, owner, rest] = resource.match(/^arn:([^:]*):([^:]*):([^:]*):([^:]*):(.*)$/)
const bucket = service === 's3' ? rest.split('/')[0] : undefined
const place = bucket && json(store, 'indexes', 'buckets-to-accounts.json')[bucket]
const resourceAccount = place?.accountId ?? owner
const [, type, id] = rest.match(/^(?:([^/:]*)[/:])?(.*)$/)
const resourceFolder = join(
  store,
  'accounts',
  resourceAccount,
  ...(bucket ? ['s3', bucket] : [service, region, type ?? '', encodeURIComponent(id).toLowerCase()]),
)
const resourcePolicy = json(resourceFolder, 'policy.json')
const resourceTags = json(resourceFolder, 'tags.json') ?? {}
const resourceLevels = levels(resourceAccount, 'rcps')

// ---- one simulation a principal ----

const tagged = (prefix, tags) => Object.entries(tags).map(([key, value]) => [`${prefix}/${key}`, value])

function context(principal) {
  return Object.fromEntries([
    ['aws:SecureTransport', 'true'],
    ['aws:PrincipalArn', principal.arn],
    ['aws:PrincipalAccount', principal.account],
    ['aws:PrincipalOrgID', orgId],
    ['aws:PrincipalOrgPaths', paths(principal.account)],
    ['aws:PrincipalIsAWSService', 'false'],
    ['aws:PrincipalType', principal.user ? 'User' : 'AssumedRole'],
    ...(principal.user ? [['aws:username', principal.user]] : []),
    ...tagged('aws:PrincipalTag', principal.tags),
    ['aws:ResourceAccount', resourceAccount],
    ['aws:ResourceOrgID', orgId],
    ['aws:ResourceOrgPaths', paths(resourceAccount)],
    ['aws:RequestedRegion', place?.region ?? region],
    ...(via ? [['kms:ViaService', via]] : [['aws:ViaAWSService', 'false']]),
    ...(service === 'kms' ? [['kms:CallerAccount', principal.account]] : []),
    ...(bucket ? [] : tagged('aws:ResourceTag', resourceTags)),
  ])
}

const KNOWN = [
  'aws:SecureTransport', 'aws:PrincipalArn', 'aws:PrincipalAccount', 'aws:PrincipalOrgID', 'aws:PrincipalOrgPaths',
  'aws:PrincipalIsAWSService', 'aws:PrincipalType', 'aws:PrincipalServiceName', 'aws:username', '/aws:PrincipalTag\\/.*/',
  'aws:ResourceAccount', 'aws:ResourceOrgID', 'aws:ResourceOrgPaths', '/aws:ResourceTag\\/.*/', 'aws:RequestedRegion',
  'aws:SourceArn', 'aws:SourceAccount', 'aws:SourceOrgID', 'aws:SourceOrgPaths', 'kms:ViaService', 'kms:CallerAccount',
  's3:DataAccessPointArn', 's3:DataAccessPointAccount',
  ...(via ? [] : ['aws:ViaAWSService', 'aws:CalledVia', 'aws:CalledViaFirst', 'aws:CalledViaLast']),
].map((keyName) => ({ keyName, presenceIsKnown: true, valueIsKnown: true }))

const who = {}
let simulated = 0
for (const principal of principals()) {
  const answer = await runSimulation(
    {
      request: {
        principal: principal.arn,
        action,
        resource: { resource, accountId: resourceAccount },
        contextVariables: context(principal),
      },
      identityPolicies: principal.policies,
      // Neither binds service-linked roles, and SCPs do not bind the management account.
      serviceControlPolicies:
        principal.linked || principal.account === management ? [] : levels(principal.account, 'scps'),
      resourceControlPolicies: principal.linked || resourceAccount === management ? [] : resourceLevels,
      resourcePolicy,
      permissionBoundaryPolicies: principal.boundary,
    },
    { simulationMode: 'Discovery', discoveryContextKeyConstraints: KNOWN },
  )
  simulated += 1
  if (answer.resultType === 'error') throw new Error(`${principal.arn}: ${JSON.stringify(answer.errors)}`)
  if (answer.overallResult === 'Allowed') {
    who[principal.arn] = answer.result.analysis.conditions ? 'allowed_if' : 'allowed'
  }
}
process.stdout.write(JSON.stringify({ simulated, who }) + '\n')
