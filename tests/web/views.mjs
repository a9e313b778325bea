// Every view, with something to see in it.

const id = encodeURIComponent

export async function views(page, origin) {
  const ask = async (path) => page.evaluate(async (path) => (await fetch(`/api/v1${path}`)).json(), path)
  const findings = await ask('/findings?limit=50')
  const finding = findings.items[0]
  const toxic = findings.items.find((one) => one.rule === 'toxic-combination') ?? finding
  const paths = await ask(`/paths?from=Elliot&to=acme-prod-customer-exports`)
  const path = paths.items[0]
  const stopped = (await ask('/paths?from=LockedReader&to=acme-prod-kms-locked')).no_path.nearest
  const link = (one) => `/path?id=${one.id}&from=${id(one.origin.id)}&to=${id(one.target.id)}`
  return {
    overview: '/',
    search: '/search?q=prod',
    identity: '/entity?id=Elliot',
    permissions: '/entity?id=Elliot&tab=can',
    resource: '/entity?id=CustomerRecords',
    policies: '/entity?id=AllSafeVaultRole&tab=policies',
    connections: '/entity?id=AllSafeVaultRole&tab=connections',
    paths: '/paths?from=Elliot',
    'no-path': '/paths?from=LockedReader&to=acme-prod-kms-locked',
    path: link(path),
    stopped: link(stopped),
    'who-can': `/who-can?action=s3:GetObject&resource=acme-prod-customer-exports`,
    explain: '/explain?principal=LockedReader&action=s3:GetObject&resource=acme-prod-kms-locked',
    findings: '/findings',
    finding: `/findings/${finding.id}`,
    'finding-toxic': `/findings/${toxic.id}`,
    'choke-points': '/choke-points',
    'what-if': '/what-if?policy_id=arn:aws:iam::222222222222:role/AllSafeVaultRole&slot=inline&policy=ReadVault',
    compare: '/compare',
    evidence: '/evidence?action=dynamodb:GetItem&resource=CustomerRecords',
    coverage: '/coverage',
    inventory: '/inventory?type=resource',
    nothing: '/entity?id=Eliot',
    login: '/login',
  }
}
