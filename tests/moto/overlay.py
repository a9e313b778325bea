"""What moto cannot hold, as the answers that AWS would give: made from the records of a snapshot.

An entry stands for one call: {service, operation, account?, region?, params, content_type, body}; `params` must be in
the request. Shapes are those of the API references. Everything else that moto lacks is answered with an empty list.
"""
from __future__ import annotations

import json
import uuid
from xml.sax.saxutils import escape

from aws_api import model

THEN = "2026-01-05T10:00:00Z"
THEN_SECONDS = 1767607200
REGIONS = [{"RegionName": "us-east-1", "RegionOptStatus": "ENABLED_BY_DEFAULT"},
           {"RegionName": "eu-west-1", "RegionOptStatus": "ENABLED_BY_DEFAULT"},
           {"RegionName": "af-south-1", "RegionOptStatus": "DISABLED"}]


def build(records: list[dict]) -> list[dict]:
    """The overlay for a world that holds `records`."""
    entries = []
    for record in records:
        for service, operation, params, response in MAKERS.get(record["kind"], lambda _: [])(record):
            entries.append(entry(service, operation, record, params, response))
    entries += _per_place(records)
    return entries


def facts(records: list[dict]) -> dict:
    """What missing.Repairs has to know."""
    management = next(r["attrs"]["management_account"] for r in records if r["kind"] == "aws_organization")
    names = {r["account"]: r["attrs"] for r in records if r["kind"] == "aws_account"}
    return {
        "management": {"name": names[management]["name"], "email": names[management]["email"]},
        "last_used": {r["id"]: r["attrs"]["last_used"] for r in records if r.get("attrs", {}).get("last_used")},
        "subscriptions": {r["id"]: len(r["attrs"].get("subscriptions", [])) for r in records
                          if r["kind"] == "sns_topic"},
        "scans": {r["id"].split(":repository/")[1]: r["attrs"]["scan_findings"] for r in records
                  if r["kind"] == "container_image" and "scan_findings" in r["attrs"]},
    }


def entry(service: str, operation: str, record: dict, params: dict, response: dict) -> dict:
    """`record` says where: its account and region."""
    where = {key: record[key] for key in ("account", "region") if record.get(key)}
    protocol = model(service).metadata["protocol"]
    if protocol == "query":
        name = f"{operation}Response"
        body = f"<{name}><{operation}Result>{_xml(response)}</{operation}Result></{name}>"
        kind = "text/xml"
    else:
        body = json.dumps(response)
        kind = "application/json" if protocol == "rest-json" else "application/x-amz-json-1.1"
    return {"service": service, "operation": operation, **where, "params": params, "content_type": kind, "body": body}


def _xml(value) -> str:
    if isinstance(value, dict):
        return "".join(f"<{key}>{_xml(inner)}</{key}>" for key, inner in value.items())
    if isinstance(value, list):
        return "".join(f"<member>{_xml(inner)}</member>" for inner in value)
    return str(value).lower() if isinstance(value, bool) else escape(str(value))


# ---- one maker a kind: (service, operation, params, response) ------------------------------------------------------

def aws_account(record):
    yield "account", "ListRegions", {}, {"Regions": REGIONS}


def iam_principal(record):
    """Service last accessed: a job for every principal, which has something only where the record says so."""
    job = str(uuid.uuid5(uuid.NAMESPACE_URL, record["id"]))
    services = []
    for service, at in record.get("attrs", {}).get("service_last_accessed", {}).items():
        used = {"LastAuthenticated": at, "LastAuthenticatedEntity": record["id"], "LastAuthenticatedRegion": "us-east-1"}
        services.append({"ServiceName": service, "ServiceNamespace": service, **(used if at else {}),
                         "TotalAuthenticatedEntities": 1 if at else 0})
    yield "iam", "GenerateServiceLastAccessedDetails", {"Arn": record["id"]}, {"JobId": job}
    yield "iam", "GetServiceLastAccessedDetails", {"JobId": job}, {
        "JobStatus": "COMPLETED", "JobCreationDate": THEN, "JobCompletionDate": THEN, "IsTruncated": False,
        "ServicesLastAccessed": services}


def iam_user(record):
    yield from iam_principal(record)
    for key in record["attrs"].get("access_keys", []):
        used = {"ServiceName": "sts", "Region": "us-east-1"} if "last_used" in key else {}
        date = {"LastUsedDate": key["last_used"]} if "last_used" in key else {}
        none = {"ServiceName": "N/A", "Region": "N/A"}
        yield "iam", "GetAccessKeyLastUsed", {"AccessKeyId": key["id"]}, {
            "UserName": record["name"], "AccessKeyLastUsed": {**date, **(used or none)}}


def lambda_function(record):
    url = record["attrs"].get("function_url")
    if not url:
        return
    config = {"FunctionUrl": url, "FunctionArn": record["id"], "AuthType": record["attrs"]["function_url_auth"],
              "CreationTime": THEN, "LastModifiedTime": THEN, "InvokeMode": "BUFFERED"}
    for function in (record["name"], record["id"]):
        yield "lambda", "ListFunctionUrlConfigs", {"FunctionName": function}, {"FunctionUrlConfigs": [config]}
        yield "lambda", "GetFunctionUrlConfig", {"FunctionName": function}, config


def bedrock_agent(record):
    agent, groups, bases = record["id"].rsplit("/", 1)[1], [], []
    for ref in record["refs"]:
        how = ref.get("attrs", {}).get("how", "")
        if how.startswith("action group "):
            group = {"actionGroupId": f"AG{len(groups) + 1:08d}", "actionGroupName": how.removeprefix("action group "),
                     "actionGroupState": "ENABLED", "updatedAt": THEN}
            groups.append(group)
            yield "bedrock-agent", "GetAgentActionGroup", {"agentId": agent, "actionGroupId": group["actionGroupId"]}, {
                "agentActionGroup": {**group, "agentId": agent, "agentVersion": "DRAFT", "createdAt": THEN,
                                     "actionGroupExecutor": {"lambda": ref["to"]}}}
        elif ref["rel"] == "READS_FROM":
            bases.append({"knowledgeBaseId": ref["to"].rsplit("/", 1)[1], "knowledgeBaseState": "ENABLED",
                          "updatedAt": THEN})
    yield "bedrock-agent", "ListAgentActionGroups", {"agentId": agent}, {"actionGroupSummaries": groups}
    yield "bedrock-agent", "ListAgentKnowledgeBases", {"agentId": agent}, {"agentKnowledgeBaseSummaries": bases}


def bedrock_knowledge_base(record):
    base, sources = record["id"].rsplit("/", 1)[1], []
    for ref in (r for r in record["refs"] if r["rel"] == "READS_FROM"):
        source = {"knowledgeBaseId": base, "dataSourceId": f"DS{len(sources) + 1:08d}", "updatedAt": THEN,
                  "name": ref["attrs"]["how"].removeprefix("data source "), "status": "AVAILABLE"}
        sources.append(source)
        yield "bedrock-agent", "GetDataSource", {"knowledgeBaseId": base, "dataSourceId": source["dataSourceId"]}, {
            "dataSource": {**source, "createdAt": THEN, "dataSourceConfiguration": {
                "type": "S3", "s3Configuration": {"bucketArn": ref["to"]}}}}
    yield "bedrock-agent", "ListDataSources", {"knowledgeBaseId": base}, {"dataSourceSummaries": sources}


def sso_permission_set(record):
    tags = [{"Key": key, "Value": value} for key, value in record.get("tags", {}).items()]
    yield "sso-admin", "ListTagsForResource", {"ResourceArn": record["id"]}, {"Tags": tags}
    boundary = record["attrs"].get("permissions_boundary")
    if boundary:
        path, _, name = boundary.rpartition("/")
        yield "sso-admin", "GetPermissionsBoundaryForPermissionSet", {"PermissionSetArn": record["id"]}, {
            "PermissionsBoundary": {"CustomerManagedPolicyReference": {"Name": name, "Path": path + "/"}}}


def eks_cluster(record):
    cluster, arn = record["name"], record["id"]
    place = ":".join(arn.split(":")[3:5])
    principals = record["attrs"].get("access_entries", [])
    yield "eks", "ListAccessEntries", {"name": cluster}, {"accessEntries": [p["principal"] for p in principals]}
    for number, principal in enumerate(principals):
        which = {"name": cluster, "principalArn": principal["principal"]}
        yield "eks", "DescribeAccessEntry", which, {"accessEntry": {
            "clusterName": cluster, "principalArn": principal["principal"], "kubernetesGroups": [], "type": "STANDARD",
            "accessEntryArn": f"arn:aws:eks:{place}:access-entry/{cluster}/role/{number}", "createdAt": THEN_SECONDS,
            "modifiedAt": THEN_SECONDS, "username": principal["principal"]}}
        yield "eks", "ListAssociatedAccessPolicies", which, {
            "clusterName": cluster, "principalArn": principal["principal"], "associatedAccessPolicies": [
                {"policyArn": policy, "accessScope": {"type": "cluster", "namespaces": []}, "associatedAt": THEN_SECONDS,
                 "modifiedAt": THEN_SECONDS} for policy in principal["policies"]]}


def aws_resource(record):
    kind, arn, attrs = record["attrs"]["resource_type"], record["id"], record["attrs"]
    last = arn.rsplit("/", 1)[-1]
    if kind == "AWS::Bedrock::Guardrail":
        summary = {"id": last, "arn": arn, "status": "READY", "name": record["name"], "version": "DRAFT",
                   "createdAt": THEN, "updatedAt": THEN}
        yield "bedrock", "ListGuardrails", {}, {"guardrails": [summary]}
        yield "bedrock", "GetGuardrail", {"guardrailIdentifier": last}, {
            "guardrailId": last, "guardrailArn": arn, "name": record["name"], "version": "DRAFT", "status": "READY",
            "createdAt": THEN, "updatedAt": THEN, "blockedInputMessaging": "no", "blockedOutputsMessaging": "no"}
    elif kind == "AWS::RolesAnywhere::TrustAnchor":
        yield "rolesanywhere", "ListTrustAnchors", {}, {"trustAnchors": [{
            "trustAnchorId": last, "trustAnchorArn": arn, "name": record["name"], "enabled": attrs["enabled"],
            "source": {"sourceType": attrs["source_type"],
                       "sourceData": {"x509CertificateData": "-----BEGIN CERTIFICATE-----"}},
            "createdAt": THEN, "updatedAt": THEN}]}
    elif kind == "AWS::RolesAnywhere::Profile":
        yield "rolesanywhere", "ListProfiles", {}, {"profiles": [{
            "profileId": last, "profileArn": arn, "name": record["name"], "enabled": attrs["enabled"],
            "roleArns": attrs["roles"], "managedPolicyArns": [], "durationSeconds": 3600, "createdAt": THEN,
            "updatedAt": THEN}]}


def access_analyzer_finding(record):
    analyzer, finding = record["id"].split("#")
    attrs = record["attrs"]
    summary = {"id": finding, "analyzedAt": THEN, "createdAt": THEN, "updatedAt": THEN, "resource": attrs["resource"],
               "resourceType": attrs["resource_type"], "resourceOwnerAccount": attrs["resource_owner"],
               "status": attrs["status"], "findingType": attrs["finding_type"]}
    yield "accessanalyzer", "ListAnalyzers", {}, {"analyzers": [{
        "arn": analyzer, "name": analyzer.rsplit("/", 1)[1], "type": "ORGANIZATION", "createdAt": THEN,
        "status": "ACTIVE"}]}
    yield "accessanalyzer", "ListFindingsV2", {"analyzerArn": analyzer}, {"findings": [summary]}
    yield "accessanalyzer", "GetFindingV2", {"analyzerArn": analyzer, "id": finding}, {
        **summary, "findingDetails": [{"externalAccessDetails": {"condition": {}, "isPublic": False}}]}


def vulnerability_finding(record):
    attrs = record["attrs"]
    yield attrs["source"], "ListFindings", {}, {"findings": [{
        "awsAccountId": record["account"], "findingArn": record["id"], "severity": attrs["severity"], "type":
        "PACKAGE_VULNERABILITY", "status": attrs["status"], "title": record["name"], "description": "x",
        "firstObservedAt": THEN_SECONDS, "lastObservedAt": THEN_SECONDS, "remediation": {}, "resources": [
            {"id": attrs["resource"], "type": "AWS_LAMBDA_FUNCTION"}], "packageVulnerabilityDetails": {
                "vulnerabilityId": attrs["vulnerability"], "source": "NVD", "vulnerablePackages": []}}]}


def container_image(record):
    repository, digest = record["id"].split(":repository/")[1].split("@")
    counts = record["attrs"].get("scan_findings")
    if counts:
        this = {"repositoryName": repository, "imageId": {"imageDigest": digest}}
        yield "ecr", "DescribeImageScanFindings", this, {
            "registryId": record["account"], "repositoryName": repository, "imageId": {"imageDigest": digest},
            "imageScanStatus": {"status": "COMPLETE"}, "imageScanFindings": {
                "imageScanCompletedAt": THEN_SECONDS, "findings": [], "findingSeverityCounts": counts}}


MAKERS = {
    "access_analyzer_finding": access_analyzer_finding, "aws_account": aws_account, "aws_resource": aws_resource,
    "bedrock_agent": bedrock_agent, "bedrock_knowledge_base": bedrock_knowledge_base,
    "container_image": container_image, "eks_cluster": eks_cluster, "iam_group": iam_principal,
    "iam_policy": iam_principal, "iam_role": iam_principal, "iam_user": iam_user, "lambda_function": lambda_function,
    "service_linked_role": iam_principal, "sso_permission_set": sso_permission_set,
    "vulnerability_finding": vulnerability_finding,
}


def _per_place(records):
    """Pod identity associations: one list a cluster, made of the service accounts' own records."""
    lists: dict[str, tuple] = {}
    for record in records:
        if record["kind"] != "eks_service_account" or "association" not in record["attrs"]:
            continue
        cluster = record["id"].split("#")[0].rsplit("/", 1)[1]
        namespace, _, account = record["name"].partition("/")
        summary = {"clusterName": cluster, "namespace": namespace, "serviceAccount": account,
                   "associationArn": record["attrs"]["association"],
                   "associationId": record["attrs"]["association"].rsplit("/", 1)[1]}
        lists.setdefault(record["id"].split("#")[0], (record, cluster, []))[2].append(summary)
        role = next(ref["to"] for ref in record["refs"] if ref["rel"] == "RUNS_AS")
        yield entry("eks", "DescribePodIdentityAssociation", record,
                    {"name": cluster, "associationId": summary["associationId"]},
                    {"association": {**summary, "roleArn": role, "createdAt": THEN_SECONDS, "modifiedAt": THEN_SECONDS}})
    for record, cluster, summaries in lists.values():
        yield entry("eks", "ListPodIdentityAssociations", record, {"name": cluster}, {"associations": summaries})
