#!/usr/bin/env python3
"""Create everything that a snapshot holds in an empty moto: the inverse of collecting.

world.py --endpoint URL [--snapshot crates/demo/data/acme.jsonl] [--scale N] [--overlay FILE] [--expected FILE]

moto draws most ids itself. Kinds are made in the order in which they are pointed at, and as soon as moto has drawn an
id, it takes the place of the snapshot's in every later record and at the end in the whole snapshot, which then is what
a collector must find (`World.expected`). What moto cannot hold goes to the overlay (overlay.py). Every value that a
collector must not keep has CANARY in it.
"""
from __future__ import annotations

import argparse
import copy
import io
import itertools
import json
import pathlib
import re
import sys
import time
import urllib.request
import zipfile
from collections import Counter

from botocore.exceptions import ClientError

import fill
import overlay
import serve
from fill import refs, slot, tags

SNAPSHOT = pathlib.Path(__file__).resolve().parents[2] / "crates/demo/data/acme.jsonl"
SEED = 42  # of moto's random ids: the same world in every run

# A kind's place is before whoever holds its ids: IAM documents name keys, clusters, secrets and issuers.
ORDER = ("aws_organization", "aws_ou", "aws_account", "scp", "rcp", "sso_permission_set", "sso_group", "sso_user",
         "kms_key", "rds_cluster", "rds_instance", "secrets_manager_secret", "eks_cluster", "iam_policy", "iam_group",
         "iam_user", "iam_role", "service_linked_role", "oidc_provider", "saml_provider", "s3_bucket", "dynamodb_table",
         "sqs_queue", "sns_topic", "ecr_repository", "container_image", "api_gateway", "lambda_layer",
         "lambda_function", "ecs_task", "ecs_service", "bedrock_knowledge_base", "bedrock_agent", "event_bus",
         "eventbridge_rule", "state_machine", "eventbridge_pipe", "schedule", "ec2_instance", "vpc_endpoint_policy",
         "sagemaker_notebook", "codebuild_project", "glue_job", "ssm_parameter", "aws_resource")
# Nothing to create: the overlay has them, or another kind makes them.
NOT_MADE = {"access_analyzer_finding", "vulnerability_finding", "eks_service_account"}


class World:
    def __init__(self, endpoint: str, records: list[dict], scale: int = 0):
        self.endpoint = endpoint
        self.records = records + scaled(scale)
        self.ids: dict[str, str] = {}  # the snapshot's id: moto's
        self.canaries = 0
        self._clients: dict[tuple, object] = {}
        self._code = zipped("def handler(event, context):\n    return event\n")

    def build(self) -> World:
        prepare(self.endpoint)
        kinds = {record["kind"] for record in self.records}
        if unknown := kinds - set(ORDER) - NOT_MADE:
            raise SystemExit(f"world.py cannot make {', '.join(sorted(unknown))}")
        for kind in ORDER:
            for record in [r for r in self.records if r["kind"] == kind]:
                now = self.now(record)
                try:
                    MAKERS[kind](self, now, record)
                except ClientError as error:
                    raise SystemExit(f"{now['id']}: {error}") from None
        for record in self.records:
            if finish := FINISHERS.get(record["kind"]):
                finish(self, self.now(record))
        return self

    def expected(self) -> list[dict]:
        """The records that a collector must find."""
        return [self.now(record) for record in self.records]

    def overlay(self) -> list[dict]:
        return overlay.build(self.expected())

    def facts(self) -> dict:
        return overlay.facts(self.expected())

    # ---- ids --------------------------------------------------------------------------------------------------------

    def learn(self, old: str, new: str):
        if old != new:
            self.ids[old] = new

    def now(self, thing):
        """A record, or any JSON, with the ids that are known by now."""
        if not self.ids:
            return copy.deepcopy(thing)
        longest_first = sorted(self.ids, key=len, reverse=True)
        pattern = re.compile("|".join(re.escape(json.dumps(old)[1:-1]) for old in longest_first))
        return json.loads(pattern.sub(lambda found: self.ids[found[0]], json.dumps(thing)))

    def canary(self, what: str) -> str:
        self.canaries += 1
        return f"CANARY-{self.canaries}-{what}"

    def client(self, service: str, record: dict):
        """A client in the record's account and region."""
        key = (service, record["account"], record.get("region") or serve.REGION)
        if key not in self._clients:
            self._clients[key] = serve.client(self.endpoint, key[1], service, key[2])
        return self._clients[key]

    # ---- the organisation -------------------------------------------------------------------------------------------

    def aws_organization(self, now, old):
        api, attrs = self.client("organizations", now), now["attrs"]
        made = api.create_organization(FeatureSet=attrs["feature_set"])["Organization"]
        self.learn(old["attrs"]["id"], made["Id"])
        self.root = api.list_roots()["Roots"][0]["Id"]
        self.learn(old["attrs"]["root"], self.root)
        for kind in attrs["policy_types"]:
            try:
                api.enable_policy_type(RootId=self.root, PolicyType=kind)
            except api.exceptions.PolicyTypeAlreadyEnabledException:
                pass
        for service in attrs["trusted_services"]:
            api.enable_aws_service_access(ServicePrincipal=service)

    def aws_ou(self, now, old):
        """With the units above it first: records are sorted by id, not by depth."""
        parent = refs(old, "MEMBER_OF")[0]
        if old["id"].startswith("r-") or old["id"] in self.ids:
            return
        if parent.startswith("ou-") and parent not in self.ids:
            above = next(r for r in self.records if r["id"] == parent)
            self.aws_ou(self.now(above), above)
        api = self.client("organizations", now)
        made = api.create_organizational_unit(ParentId=self.now(parent), Name=now["name"], Tags=tags(now))
        self.learn(old["id"], made["OrganizationalUnit"]["Id"])

    def aws_account(self, now, old):
        management = next(r for r in self.records if r["kind"] == "aws_organization")
        if now["account"] != management["account"]:
            api, attrs = self.client("organizations", management), now["attrs"]
            made = api.create_account(Email=attrs["email"], AccountName=attrs["name"], Tags=tags(now))
            account = made["CreateAccountStatus"]["AccountId"]
            self.learn(old["account"], account)
            api.move_account(AccountId=account, SourceParentId=self.root, DestinationParentId=refs(now, "MEMBER_OF")[0])
            # moto makes this role; the snapshot has its own idea of it.
            serve.iam(self.endpoint, account).delete_role(RoleName="OrganizationAccountAccessRole")
            for service in management["attrs"]["delegated_administrators"].get(old["account"], []):
                api.register_delegated_administrator(AccountId=account, ServicePrincipal=service)
        if "alias" in now["attrs"]:
            self.client("iam", self.now(old)).create_account_alias(AccountAlias=now["attrs"]["alias"])

    def organization_policy(self, now, old):
        if now["attrs"]["aws_managed"]:
            return  # there, and attached to everything
        api = self.client("organizations", now)
        kind = {"scp": "SERVICE_CONTROL_POLICY", "rcp": "RESOURCE_CONTROL_POLICY"}[now["kind"]]
        made = api.create_policy(Name=now["name"], Description=now["attrs"].get("description", ""), Type=kind,
                                 Content=slot(now, "document")[0][1], Tags=tags(now))
        policy = made["Policy"]["PolicySummary"]["Id"]
        self.learn(old["id"], policy)
        for target in refs(now, "CONSTRAINS"):
            api.attach_policy(PolicyId=policy, TargetId=target.rsplit("/", 1)[-1])

    # ---- Identity Center --------------------------------------------------------------------------------------------

    def sso_permission_set(self, now, old):
        api, attrs = self.client("sso-admin", now), now["attrs"]
        instance = api.list_instances()["Instances"][0]
        self.learn(old["attrs"]["instance"].rsplit("/", 1)[1], instance["InstanceArn"].rsplit("/", 1)[1])
        self.learn(old["attrs"]["identity_store"], instance["IdentityStoreId"])
        this = {"InstanceArn": instance["InstanceArn"]}
        made = api.create_permission_set(**this, Name=now["name"], SessionDuration=attrs["session_duration"],
                                         Tags=tags(now))["PermissionSet"]["PermissionSetArn"]
        self.learn(old["id"].rsplit("/", 1)[1], made.rsplit("/", 1)[1])
        this["PermissionSetArn"] = made
        for policy in attrs["managed_policies"]:
            api.attach_managed_policy_to_permission_set(**this, ManagedPolicyArn=policy)
        for policy in attrs["customer_managed_policies"]:
            path, _, name = policy.rpartition("/")
            api.attach_customer_managed_policy_reference_to_permission_set(
                **this, CustomerManagedPolicyReference={"Name": name, "Path": path + "/"})
        for _, document in slot(now, "inline"):
            api.put_inline_policy_to_permission_set(**this, InlinePolicy=document)

    def sso_group(self, now, old):
        api, store = self.client("identitystore", now), now["attrs"]["identity_store"]
        made = api.create_group(IdentityStoreId=store, DisplayName=now["name"])["GroupId"]
        self.learn(old["attrs"]["group_id"], made)
        self._assign(now, "GROUP", made)

    def sso_user(self, now, old):
        api, store = self.client("identitystore", now), now["attrs"]["identity_store"]
        given, _, family = now["attrs"]["display_name"].partition(" ")
        email = {"Value": now["name"], "Type": "work", "Primary": True}
        made = api.create_user(IdentityStoreId=store, UserName=now["name"], DisplayName=now["attrs"]["display_name"],
                               Name={"GivenName": given, "FamilyName": family}, Emails=[email])["UserId"]
        self.learn(old["attrs"]["user_id"], made)
        for group in refs(now, "MEMBER_OF"):
            api.create_group_membership(IdentityStoreId=store, GroupId=group.rsplit("/", 1)[1],
                                        MemberId={"UserId": made})
        self._assign(now, "USER", made)

    def _assign(self, now, kind: str, principal: str):
        for ref in (r for r in now.get("refs", []) if r["rel"] == "ASSIGNED"):
            instance = "arn:aws:sso:::instance/" + ref["to"].split("/")[1]
            self.client("sso-admin", now).create_account_assignment(
                InstanceArn=instance, TargetId=ref["attrs"]["account"], TargetType="AWS_ACCOUNT",
                PermissionSetArn=ref["to"], PrincipalType=kind, PrincipalId=principal)

    # ---- IAM --------------------------------------------------------------------------------------------------------

    def iam_policy(self, now, old):
        iam = self.client("iam", now)
        fill.policy(iam, now)
        for _ in range(now["attrs"]["versions"] - 1):
            iam.create_policy_version(PolicyArn=now["id"], PolicyDocument=slot(now, "document")[0][1])

    def iam_group(self, now, old):
        fill.group(self.client("iam", now), now)

    def iam_user(self, now, old):
        iam, attrs, name = self.client("iam", now), now["attrs"], now["name"]
        fill.user(iam, now)
        for key in old["attrs"]["access_keys"]:
            made = iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
            self.learn(key["id"], made)
            if key["status"] != "Active":
                iam.update_access_key(UserName=name, AccessKeyId=made, Status=key["status"])
        if attrs["console"]:
            iam.create_login_profile(UserName=name, Password="Zx9!correct-horse")
        if attrs["mfa"]:
            device = iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]["SerialNumber"]
            iam.enable_mfa_device(UserName=name, SerialNumber=device, AuthenticationCode1="123456",
                                  AuthenticationCode2="654321")

    def iam_role(self, now, old):
        fill.role(self.client("iam", now), now)

    def service_linked_role(self, now, old):
        fill.service_linked_role(self.client("iam", now), now)

    def oidc_provider(self, now, old):
        self.client("iam", now).create_open_id_connect_provider(
            Url=now["attrs"]["url"], ClientIDList=now["attrs"]["client_ids"], ThumbprintList=["6938fd4d" + "0" * 32])

    def saml_provider(self, now, old):
        metadata = (f"<EntityDescriptor xmlns='urn:oasis:names:tc:SAML:2.0:metadata' entityID='{now['attrs']['url']}'>"
                    f"<!-- {'x' * 1000} --></EntityDescriptor>")  # IAM wants a thousand characters
        self.client("iam", now).create_saml_provider(Name=now["name"], SAMLMetadataDocument=metadata)

    # ---- data -------------------------------------------------------------------------------------------------------

    def kms_key(self, now, old):
        kms, attrs = self.client("kms", now), now["attrs"]
        made = kms.create_key(Description=attrs["description"], Policy=slot(now, "key")[0][1],
                              Tags=[{"TagKey": t["Key"], "TagValue": t["Value"]} for t in tags(now)])
        key = made["KeyMetadata"]["KeyId"]
        self.learn(old["id"].rsplit("/", 1)[1], key)
        for alias in attrs["aliases"]:
            kms.create_alias(AliasName=alias, TargetKeyId=key)
        if attrs["rotation"]:
            kms.enable_key_rotation(KeyId=key)
        for grant in attrs["grants"]:
            kms.create_grant(KeyId=key, GranteePrincipal=grant["grantee"], Operations=grant["operations"],
                             Name=grant["name"])

    def rds_cluster(self, now, old):
        attrs = now["attrs"]
        made = self.client("rds", now).create_db_cluster(
            DBClusterIdentifier=now["name"], Engine=attrs["engine"], EngineVersion=attrs["engine_version"],
            MasterUsername="owner", MasterUserPassword=self.canary("rds-password"), DatabaseName="app",
            EnableIAMDatabaseAuthentication=attrs["iam_authentication"], StorageEncrypted=attrs["storage_encrypted"],
            Tags=tags(now), **key(now, "KmsKeyId"))
        self.learn(old["attrs"]["resource_id"], made["DBCluster"]["DbClusterResourceId"])

    def rds_instance(self, now, old):
        attrs = now["attrs"]
        made = self.client("rds", now).create_db_instance(
            DBInstanceIdentifier=now["name"], DBInstanceClass="db.r6g.large", Engine=attrs["engine"],
            DBClusterIdentifier=attrs["cluster"], PubliclyAccessible=attrs["publicly_accessible"], Tags=tags(now))
        self.learn(old["attrs"]["resource_id"], made["DBInstance"]["DbiResourceId"])

    def secrets_manager_secret(self, now, old):
        api, attrs = self.client("secretsmanager", now), now["attrs"]
        if attrs.get("owning_service") == "events":
            return self._event_connection(now, old)
        description = {"Description": attrs["description"]} if "description" in attrs else {}
        made = api.create_secret(Name=now["name"], SecretString=self.canary("secret"), Tags=tags(now), **description,
                                 **key(now, "KmsKeyId"))
        self.learn(old["id"].rsplit(":", 1)[1], made["ARN"].rsplit(":", 1)[1])
        for _, document in slot(now, "resource"):
            api.put_resource_policy(SecretId=now["name"], ResourcePolicy=document)

    def _event_connection(self, now, old):
        """EventBridge keeps the credentials of a connection in a secret: events!connection/crm/<uuid>/auth."""
        connection, drawn = old["name"].split("/")[1:3]
        self.client("events", now).create_connection(
            Name=connection, AuthorizationType="API_KEY", AuthParameters={
                "ApiKeyAuthParameters": {"ApiKeyName": "x", "ApiKeyValue": self.canary("connection")}})
        found = self.client("secretsmanager", now).list_secrets()["SecretList"]
        made = next(s for s in found if s["Name"].startswith(f"events!connection/{connection}/"))
        self.learn(old["id"].rsplit(":", 1)[1], made["ARN"].rsplit(":", 1)[1])
        self.learn(drawn, made["Name"].split("/")[2])

    def rotation(self, now):
        if now["attrs"]["rotation"]:
            self.client("secretsmanager", now).rotate_secret(
                SecretId=now["name"], RotationLambdaARN=now["attrs"]["rotation_lambda"], RotateImmediately=False,
                RotationRules={"AutomaticallyAfterDays": now["attrs"]["rotation_days"]})

    def s3_bucket(self, now, old):
        s3, attrs, this = self.client("s3", now), now["attrs"], {"Bucket": now["name"]}
        place = {} if now["region"] == "us-east-1" else {
            "CreateBucketConfiguration": {"LocationConstraint": now["region"]}}
        s3.create_bucket(**this, **place)
        s3.put_bucket_ownership_controls(**this, OwnershipControls={
            "Rules": [{"ObjectOwnership": attrs["object_ownership"]}]})
        block = attrs["block_public_access"]
        s3.put_public_access_block(**this, PublicAccessBlockConfiguration={
            "BlockPublicAcls": block["block_public_acls"], "BlockPublicPolicy": block["block_public_policy"],
            "IgnorePublicAcls": block["ignore_public_acls"], "RestrictPublicBuckets": block["restrict_public_buckets"]})
        master = {"KMSMasterKeyID": refs(now, "ENCRYPTED_WITH")[0]} if refs(now, "ENCRYPTED_WITH") else {}
        s3.put_bucket_encryption(**this, ServerSideEncryptionConfiguration={"Rules": [{
            "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": attrs["encryption"], **master}}]})
        if attrs["acl_public"]:
            s3.put_bucket_acl(**this, ACL="public-read")
        if tags(now):
            s3.put_bucket_tagging(**this, Tagging={"TagSet": tags(now)})
        for _, document in slot(now, "resource"):
            s3.put_bucket_policy(**this, Policy=document)

    def notifications(self, now):
        """Of a bucket, once the functions are there."""
        targets = now["attrs"].get("notifications", [])
        if targets:
            self.client("s3", now).put_bucket_notification_configuration(
                Bucket=now["name"], NotificationConfiguration={"LambdaFunctionConfigurations": [
                    {"LambdaFunctionArn": target, "Events": ["s3:ObjectCreated:*"]} for target in targets]})

    def dynamodb_table(self, now, old):
        api, attrs = self.client("dynamodb", now), now.get("attrs", {})
        more = {}
        if refs(now, "ENCRYPTED_WITH"):
            more["SSESpecification"] = {"Enabled": True, "SSEType": "KMS", **key(now, "KMSMasterKeyId")}
        if "stream" in attrs:
            more["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": attrs["stream"]}
        api.create_table(TableName=now["name"], KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                         AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                         BillingMode="PAY_PER_REQUEST", Tags=tags(now), **more)
        for _, document in slot(now, "resource"):
            api.put_resource_policy(ResourceArn=now["id"], Policy=document)

    def sqs_queue(self, now, old):
        self.client("sqs", now).create_queue(QueueName=now["name"], tags=now.get("tags", {}))

    def queue_attributes(self, now):
        """Once all queues are there: moto looks for the dead-letter queue."""
        attributes = {"Policy": document for _, document in slot(now, "resource")}
        if dead := now["attrs"].get("dead_letter_queue"):
            attributes["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": 5})
        sqs = self.client("sqs", now)
        if attributes:
            url = sqs.get_queue_url(QueueName=now["name"])["QueueUrl"]
            sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)

    def sns_topic(self, now, old):
        self.client("sns", now).create_topic(Name=now["name"], Tags=tags(now))
        for _, document in slot(now, "resource"):
            self.client("sns", now).set_topic_attributes(TopicArn=now["id"], AttributeName="Policy",
                                                         AttributeValue=document)

    def subscriptions(self, now):
        for subscription in now["attrs"].get("subscriptions", []):
            self.client("sns", now).subscribe(TopicArn=now["id"], Protocol=subscription["protocol"],
                                              Endpoint=subscription["endpoint"])

    def ssm_parameter(self, now, old):
        self.client("ssm", now).put_parameter(Name=now["name"], Type=now["attrs"]["type"], Tags=tags(now),
                                              Value=self.canary("parameter"), **key(now, "KeyId"))

    # ---- workloads --------------------------------------------------------------------------------------------------

    def ecr_repository(self, now, old):
        api, attrs = self.client("ecr", now), now["attrs"]
        api.create_repository(repositoryName=now["name"], imageTagMutability=attrs["tag_mutability"], tags=tags(now),
                              imageScanningConfiguration={"scanOnPush": attrs["scan_on_push"]})
        for _, document in slot(now, "resource"):
            api.set_repository_policy(repositoryName=now["name"], policyText=document)

    def container_image(self, now, old):
        repository, digest = now["id"].split(":repository/")[1].split("@")
        docker = "application/vnd.docker"
        manifest = json.dumps({
            "schemaVersion": 2, "mediaType": f"{docker}.distribution.manifest.v2+json",
            "config": {"mediaType": f"{docker}.container.image.v1+json", "size": 7023, "digest": digest},
            "layers": [{"mediaType": f"{docker}.image.rootfs.diff.tar.gzip", "size": 32654, "digest": digest}]})
        for tag in now["attrs"]["tags"]:
            made = self.client("ecr", now).put_image(repositoryName=repository, imageManifest=manifest, imageTag=tag)
        self.learn(digest, made["image"]["imageId"]["imageDigest"])

    def api_gateway(self, now, old):
        drawn = old["id"].rsplit("/", 1)[1]
        routes = {ref["attrs"]["how"]: ref["to"] for ref in now["refs"] if ref["rel"] == "INVOKES"}
        if now["attrs"]["protocol"] == "REST":
            self.learn(drawn, self._rest_api(now, routes))
        else:
            self.learn(drawn, self._http_api(now, routes))

    def _rest_api(self, now, routes) -> str:
        api, attrs = self.client("apigateway", now), now["attrs"]
        made = api.create_rest_api(name=now["name"], description=attrs["description"], tags=now.get("tags", {}))["id"]
        this = {"restApiId": made}
        root = api.get_resources(**this)["items"][0]["id"]
        for route, function in routes.items():
            method, path = route.split(" /")
            resource = api.create_resource(**this, parentId=root, pathPart=path)["id"]
            there = {**this, "resourceId": resource, "httpMethod": method}
            api.put_method(**there, authorizationType=attrs["authorization"], apiKeyRequired=attrs["api_key_required"])
            api.put_integration(**there, type="AWS_PROXY", integrationHttpMethod="POST", uri=(
                f"arn:aws:apigateway:{now['region']}:lambda:path/2015-03-31/functions/{function}/invocations"))
        api.create_deployment(**this, stageName=attrs["url"].rsplit("/", 1)[1])
        return made

    def _http_api(self, now, routes) -> str:
        api, attrs = self.client("apigatewayv2", now), now["attrs"]
        made = api.create_api(Name=now["name"], ProtocolType=attrs["protocol"], Tags=now.get("tags", {}))["ApiId"]
        for route, function in routes.items():
            integration = api.create_integration(ApiId=made, IntegrationType="AWS_PROXY", IntegrationUri=function,
                                                 PayloadFormatVersion="2.0")["IntegrationId"]
            api.create_route(ApiId=made, RouteKey=route, Target=f"integrations/{integration}",
                             AuthorizationType=attrs["authorization"])
        api.create_stage(ApiId=made, StageName="$default", AutoDeploy=True)
        return made

    def lambda_layer(self, now, old):
        self.client("lambda", now).publish_layer_version(LayerName=now["name"], Content={"ZipFile": self._code},
                                                         CompatibleRuntimes=now["attrs"]["runtimes"])

    def lambda_function(self, now, old):
        api, attrs, name = self.client("lambda", now), now["attrs"], now["name"]
        if attrs["package_type"] == "Image":
            code = {"PackageType": "Image", "Code": {"ImageUri": attrs["image"]}}
        else:
            code = {"Runtime": attrs["runtime"], "Handler": attrs["handler"], "Code": {"ZipFile": self._code}}
        api.create_function(FunctionName=name, Role=refs(now, "RUNS_AS")[0], Tags=now.get("tags", {}),
                            Layers=attrs.get("layers", []), **code, Environment={
                                "Variables": {variable: self.canary(variable) for variable in attrs["env_keys"]}})
        for alias in attrs.get("aliases", []):
            api.create_alias(FunctionName=name, Name=alias, FunctionVersion="$LATEST")
        for _, document in slot(now, "resource"):
            for statement in json.loads(document)["Statement"]:
                api.add_permission(FunctionName=name, **permission(statement))
        for ref in now["refs"]:
            if ref.get("attrs", {}).get("how") == "event source mapping":
                api.create_event_source_mapping(FunctionName=name, EventSourceArn=ref["to"],
                                                Enabled=ref["attrs"].get("state") != "disabled")

    def ecs_task(self, now, old):
        family, attrs = now["name"].split(":")[0], now["attrs"]
        environment = [{"name": variable, "value": self.canary(variable)} for variable in attrs["env_keys"]]
        secrets = [{"name": name, "valueFrom": arn} for name, arn in attrs.get("secrets", {}).items()]
        self.client("ecs", now).register_task_definition(
            family=family, taskRoleArn=refs(now, "RUNS_AS")[0], executionRoleArn=refs(now, "PULLS_VIA")[0],
            networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512", tags=lower(tags(now)),
            containerDefinitions=[{"name": f"c{number}", "image": image, "essential": True, "secrets": secrets,
                                   "environment": environment} for number, image in enumerate(attrs["images"])])

    def ecs_service(self, now, old):
        api, attrs, ec2 = self.client("ecs", now), now["attrs"], self.client("ec2", now)
        api.create_cluster(clusterName=attrs["cluster"].rsplit("/", 1)[1])
        network = {"subnets": [ec2.describe_subnets()["Subnets"][0]["SubnetId"]],
                   "securityGroups": [ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]],
                   "assignPublicIp": "ENABLED" if attrs["assign_public_ip"] else "DISABLED"}
        api.create_service(cluster=attrs["cluster"], serviceName=now["name"], taskDefinition=refs(now, "RUNS")[0],
                           desiredCount=attrs["desired_count"], launchType=attrs["launch_type"], tags=lower(tags(now)),
                           networkConfiguration={"awsvpcConfiguration": network})

    def bedrock_knowledge_base(self, now, old):
        attrs = now["attrs"]
        fields = {"vectorField": "v", "textField": "t", "metadataField": "m"}
        made = self.client("bedrock-agent", now).create_knowledge_base(
            name=now["name"], roleArn=refs(now, "RUNS_AS")[0], tags=now.get("tags", {}),
            knowledgeBaseConfiguration={"type": "VECTOR", "vectorKnowledgeBaseConfiguration": {
                "embeddingModelArn": attrs["embedding_model"]}},
            storageConfiguration={"type": "OPENSEARCH_SERVERLESS", "opensearchServerlessConfiguration": {
                "collectionArn": attrs["storage"], "vectorIndexName": "index", "fieldMapping": fields}})
        self.learn(old["id"].rsplit("/", 1)[1], made["knowledgeBase"]["knowledgeBaseId"])

    def bedrock_agent(self, now, old):
        attrs = now["attrs"]
        made = self.client("bedrock-agent", now).create_agent(
            agentName=now["name"], agentResourceRoleArn=refs(now, "RUNS_AS")[0], description=attrs["description"],
            foundationModel=attrs["foundation_model"], instruction=self.canary("instruction " + "x" * 40),
            tags=now.get("tags", {}))
        self.learn(old["id"].rsplit("/", 1)[1], made["agent"]["agentId"])

    def event_bus(self, now, old):
        events = self.client("events", now)
        events.create_event_bus(Name=now["name"], Tags=tags(now))
        for _, document in slot(now, "resource"):
            for statement in json.loads(document)["Statement"]:
                events.put_permission(EventBusName=now["name"], StatementId=statement["Sid"],
                                      Action=statement["Action"],
                                      Principal=statement["Principal"]["AWS"].split(":")[4])

    def eventbridge_rule(self, now, old):
        events, attrs = self.client("events", now), now["attrs"]
        this = {"EventBusName": refs(now, "TRIGGERED_BY")[0].rsplit("/", 1)[1]}
        when = {"EventPattern": json.dumps(attrs["event_pattern"])} if "event_pattern" in attrs else {
            "ScheduleExpression": attrs["schedule"]}
        events.put_rule(Name=now["name"], State=attrs["state"], Tags=tags(now), **this, **when)
        more = {"RoleArn": role for role in refs(now, "RUNS_AS")}
        if "dead_letter_queue" in attrs:
            more["DeadLetterConfig"] = {"Arn": attrs["dead_letter_queue"]}
        events.put_targets(Rule=now["name"], **this, Targets=[
            {"Id": f"t{number}", "Arn": target, "Input": json.dumps({"token": self.canary("input")}), **more}
            for number, target in enumerate(refs(now, "INVOKES"))])

    def state_machine(self, now, old):
        states, calls = {}, now["attrs"]["calls"]
        for number, call in enumerate(calls):
            target, action = call["target"], call["action"]
            what = {"FunctionName": target} if action.startswith("lambda:") else {"TableName": target.rsplit("/", 1)[1]}
            onward = {"Next": f"S{number + 1}"} if number + 1 < len(calls) else {"End": True}
            states[f"S{number}"] = {"Type": "Task", "Resource": f"arn:aws:states:::{action}", **onward,
                                    "Parameters": {**what, "Comment": self.canary("definition")}}
        self.client("stepfunctions", now).create_state_machine(
            name=now["name"], type=now["attrs"]["type"], roleArn=refs(now, "RUNS_AS")[0], tags=lower(tags(now)),
            definition=json.dumps({"StartAt": "S0", "States": states}))

    def eventbridge_pipe(self, now, old):
        self.client("pipes", now).create_pipe(
            Name=now["name"], RoleArn=refs(now, "RUNS_AS")[0], Source=refs(now, "TRIGGERED_BY")[0],
            Target=refs(now, "INVOKES")[0], DesiredState=now["attrs"]["state"], Tags=now.get("tags", {}))

    def schedule(self, now, old):
        api, attrs = self.client("scheduler", now), now["attrs"]
        group = now["id"].split("/")[1]
        if group != "default":
            api.create_schedule_group(Name=group)
        api.create_schedule(Name=now["name"], GroupName=group, ScheduleExpression=attrs["schedule"],
                            State=attrs["state"], FlexibleTimeWindow={"Mode": "OFF"}, Target={
                                "Arn": refs(now, "INVOKES")[0], "RoleArn": refs(now, "RUNS_AS")[0],
                                "Input": json.dumps({"token": self.canary("input")})})

    def ec2_instance(self, now, old):
        ec2, attrs = self.client("ec2", now), now["attrs"]
        vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        group = ec2.create_security_group(GroupName=now["name"], Description="open ports", VpcId=vpc)["GroupId"]
        for port in attrs["open_ports"]:
            protocol, number = port.split("/")
            ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{
                "IpProtocol": protocol, "FromPort": int(number), "ToPort": int(number),
                "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])
        made = ec2.run_instances(
            ImageId="ami-12c6146b", MinCount=1, MaxCount=1, InstanceType="t3.micro", SecurityGroupIds=[group],
            IamInstanceProfile={"Arn": attrs["instance_profile"]},
            MetadataOptions={"HttpTokens": attrs["imds"], "HttpEndpoint": "enabled"},
            UserData=f"#!/bin/sh\nexport TOKEN={self.canary('user-data')}\n",
            TagSpecifications=[{"ResourceType": "instance", "Tags": tags(now)}])["Instances"][0]["InstanceId"]
        self.learn(old["id"].rsplit("/", 1)[1], made)
        there = ec2.describe_instances(InstanceIds=[made])["Reservations"][0]["Instances"][0]
        self.learn(old["attrs"]["public_ip"], there["PublicIpAddress"])

    def vpc_endpoint_policy(self, now, old):
        ec2, attrs = self.client("ec2", now), now["attrs"]
        vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        self.learn(old["attrs"]["vpc"], vpc)
        table = ec2.describe_route_tables()["RouteTables"][0]["RouteTableId"]
        made = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=attrs["service"], VpcEndpointType=attrs["type"],
                                       RouteTableIds=[table], PolicyDocument=slot(now, "endpoint")[0][1])
        self.learn(old["id"].rsplit("/", 1)[1], made["VpcEndpoint"]["VpcEndpointId"])

    def eks_cluster(self, now, old):
        eks, attrs = self.client("eks", now), now["attrs"]
        subnets = [s["SubnetId"] for s in self.client("ec2", now).describe_subnets()["Subnets"][:2]]
        eks.create_cluster(name=now["name"], roleArn=refs(now, "RUNS_AS")[0], version=attrs["version"],
                           tags=now.get("tags", {}), resourcesVpcConfig={
                               "subnetIds": subnets, "endpointPublicAccess": attrs["endpoint_public_access"]})
        for group in attrs["node_groups"]:
            eks.create_nodegroup(clusterName=now["name"], nodegroupName=group["name"], nodeRole=group["role"],
                                 subnets=subnets)
        issuer = eks.describe_cluster(name=now["name"])["cluster"]["identity"]["oidc"]["issuer"]
        self.learn(old["attrs"]["oidc_issuer"].rsplit("/", 1)[1], issuer.rsplit("/", 1)[1])

    def sagemaker_notebook(self, now, old):
        def switch(name):
            return "Enabled" if now["attrs"][name] else "Disabled"
        self.client("sagemaker", now).create_notebook_instance(
            NotebookInstanceName=now["name"], InstanceType="ml.t3.medium", RoleArn=refs(now, "RUNS_AS")[0],
            DirectInternetAccess=switch("direct_internet_access"), RootAccess=switch("root_access"), Tags=tags(now))

    def codebuild_project(self, now, old):
        attrs = now["attrs"]
        self.client("codebuild", now).create_project(
            name=now["name"], serviceRole=refs(now, "RUNS_AS")[0], artifacts={"type": "NO_ARTIFACTS"},
            source={"type": "GITHUB", "location": attrs["source"]}, tags=lower(tags(now)), environment={
                "type": "LINUX_CONTAINER", "image": attrs["image"], "computeType": "BUILD_GENERAL1_SMALL",
                "privilegedMode": attrs["privileged"], "environmentVariables": [
                    {"name": name, "value": self.canary(name), "type": "PLAINTEXT"} for name in attrs["env_keys"]]})

    def glue_job(self, now, old):
        attrs = now["attrs"]
        self.client("glue", now).create_job(
            Name=now["name"], Role=refs(now, "RUNS_AS")[0], Tags=now.get("tags", {}),
            Command={"Name": "glueetl", "ScriptLocation": attrs["script"]},
            DefaultArguments={name: self.canary(name.strip("-")) for name in attrs["argument_keys"]})

    def aws_resource(self, now, old):
        attrs = now["attrs"]
        if attrs["resource_type"] == "AWS::CloudTrail::Trail":
            api = self.client("cloudtrail", now)
            api.create_trail(Name=now["name"], S3BucketName=attrs["bucket"].rsplit(":", 1)[1],
                             IsOrganizationTrail=attrs["organization_trail"], IsMultiRegionTrail=attrs["multi_region"])
            api.start_logging(Name=now["name"])
        elif attrs["resource_type"] == "AWS::SSM::Document":
            api = self.client("ssm", now)
            content = {"schemaVersion": "2.2", "description": "x", "mainSteps": [
                {"action": "aws:runShellScript", "name": "r", "inputs": {"runCommand": [self.canary("document")]}}]}
            api.create_document(Name=now["name"], DocumentType=attrs["document_type"], DocumentFormat="JSON",
                                Content=json.dumps(content))
            if attrs["shared_with"]:
                api.modify_document_permission(Name=now["name"], PermissionType="Share",
                                               AccountIdsToAdd=attrs["shared_with"])


MAKERS = {kind: getattr(World, {"scp": "organization_policy", "rcp": "organization_policy"}.get(kind, kind))
          for kind in ORDER}
# What needs everything to be there.
FINISHERS = {"secrets_manager_secret": World.rotation, "s3_bucket": World.notifications,
             "sqs_queue": World.queue_attributes, "sns_topic": World.subscriptions}


def key(record, parameter: str) -> dict[str, str]:
    """{parameter: the key's ARN} of what is encrypted with one."""
    return {parameter: arn for arn in refs(record, "ENCRYPTED_WITH")}


def lower(pairs: list[dict]) -> list[dict]:
    return [{"key": pair["Key"], "value": pair["Value"]} for pair in pairs]


def permission(statement: dict) -> dict:
    """The parameters of lambda:AddPermission that make a statement of a function's policy."""
    principal = statement["Principal"]
    parameters = {"StatementId": statement["Sid"], "Action": statement["Action"],
                  "Principal": principal if isinstance(principal, str) else next(iter(principal.values()))}
    names = {"AWS:SourceAccount": "SourceAccount", "AWS:SourceArn": "SourceArn",
             "lambda:FunctionUrlAuthType": "FunctionUrlAuthType"}
    for condition in statement.get("Condition", {}).values():
        parameters.update({names[name]: value for name, value in condition.items()})
    return parameters


def zipped(source: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("app.py", (2026, 1, 1, 0, 0, 0)), source)
    return buffer.getvalue()


def prepare(endpoint: str):
    """The same random ids in every run, and no Docker: a rotation runs its function, for which moto would want one."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for path, data in (("seed", f"a={SEED}"), ("config", json.dumps({"lambda": {"use_docker": False}}))):
        with opener.open(f"{endpoint}/moto-api/{path}", data=data.encode(), timeout=30):
            pass


def scaled(count: int) -> list[dict]:
    """`count` roles, buckets and functions more: each function runs as a role that reads a bucket."""
    account, region, records = "333333333333", "us-east-1", []
    for number in range(count):
        name = f"scale-{number:05d}"
        bucket, role = f"arn:aws:s3:::acme-{name}", f"arn:aws:iam::{account}:role/{name}"
        trust = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
        reads = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{bucket}/*"}]}
        block = dict.fromkeys(("block_public_acls", "block_public_policy", "ignore_public_acls",
                               "restrict_public_buckets"), True)
        common = {"account": account, "created_at": overlay.THEN}
        records += [
            {"kind": "iam_role", "id": role, "name": name, **common,
             "attrs": {"max_session_duration": 3600, "path": "/"},
             "policies": [{"slot": "trust", "document": trust}, {"slot": "inline", "name": "p", "document": reads}]},
            {"kind": "s3_bucket", "id": bucket, "name": f"acme-{name}", "region": region, **common,
             "attrs": {"acl_public": False, "block_public_access": block, "encryption": "AES256",
                       "object_ownership": "BucketOwnerEnforced"}},
            {"kind": "lambda_function", "id": f"arn:aws:lambda:{region}:{account}:function:{name}", "name": name,
             "region": region, **common, "refs": [{"rel": "RUNS_AS", "to": role}],
             "attrs": {"env_keys": ["TOKEN"], "handler": "app.handler", "package_type": "Zip",
                       "runtime": "python3.12"}}]
    return records


def read(path: str | pathlib.Path) -> list[dict]:
    """The records of an uncompressed snapshot."""
    with open(path, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    if not lines or "end" not in lines[-1]:
        raise SystemExit(f"{path}: no end line, so the snapshot is truncated")
    return [line for line in lines if "kind" in line]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoint", required=True, help="URL of the moto server")
    parser.add_argument("--snapshot", default=SNAPSHOT, help="uncompressed snapshot (.jsonl)")
    parser.add_argument("--scale", type=int, default=0, metavar="N", help="N roles, N buckets and N functions more")
    parser.add_argument("--overlay", metavar="FILE", help="write the answers for proxy.py here")
    parser.add_argument("--expected", metavar="FILE", help="write the records that a collector must find here")
    args = parser.parse_args()
    start = time.monotonic()
    world = World(args.endpoint, read(args.snapshot), args.scale).build()
    for file, content in ((args.overlay, world.overlay), (args.expected, world.expected)):
        if file:
            pathlib.Path(file).write_text(json.dumps(content(), indent=1) + "\n", encoding="utf-8")
    for kind, count in sorted(Counter(record["kind"] for record in world.records).items()):
        print(f"{count:4} {kind}", file=sys.stderr)
    print(f"{time.monotonic() - start:.1f} s", file=sys.stderr)
