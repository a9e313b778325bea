//! Amazon Bedrock: agents, what they run and read, knowledge bases and where their data come from, guardrails.
//!
//! An agent's instruction and its prompts are not kept. What an agent runs is read of its draft and of every version
//! that an alias leads to, since callers name an alias.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_bedrock::types::GuardrailSummary;
use aws_sdk_bedrockagent::types::{
    ActionGroupExecutor, ActionGroupState, Agent, AgentCollaboration, DataSource, KnowledgeBase,
    KnowledgeBaseState, OrchestrationExecutor, StorageConfiguration,
};
use futures::FutureExt;
use serde_json::{Value, json};
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::record::Record;
use sv0_model::small::SmallMap;

use crate::call::{Call, Scope, Service};
use crate::cx::Cx;
use crate::service::events::host;
use crate::text::{RecordExt, tags};

const GONE: &[&str] = &["ResourceNotFoundException"];

const LIST_AGENTS: Call = Call {
    operation: "ListAgents",
    actions: &["bedrock:ListAgents"],
    absent: &[],
    without: "agents, and what they run, are not known there",
};
const GET_AGENT: Call = Call {
    operation: "GetAgent",
    actions: &["bedrock:GetAgent"],
    absent: GONE,
    without: "the role and the model of the agent are not known",
};
const LIST_ALIASES: Call = Call {
    operation: "ListAgentAliases",
    actions: &["bedrock:ListAgentAliases"],
    absent: GONE,
    without: "which versions of the agent can be called is not known: only its draft was read",
};
const GET_VERSION: Call = Call {
    operation: "GetAgentVersion",
    actions: &["bedrock:GetAgentVersion"],
    absent: GONE,
    without: "the role of that version of the agent is not known",
};
const LIST_GROUPS: Call = Call {
    operation: "ListAgentActionGroups",
    actions: &["bedrock:ListAgentActionGroups"],
    absent: GONE,
    without: "which functions the agent runs is not known",
};
const GET_GROUP: Call = Call {
    operation: "GetAgentActionGroup",
    actions: &["bedrock:GetAgentActionGroup"],
    absent: GONE,
    without: "which function the action group runs is not known",
};
const LIST_OF_AGENT: Call = Call {
    operation: "ListAgentKnowledgeBases",
    actions: &["bedrock:ListAgentKnowledgeBases"],
    absent: GONE,
    without: "which knowledge bases the agent reads is not known",
};
const LIST_COLLABORATORS: Call = Call {
    operation: "ListAgentCollaborators",
    actions: &["bedrock:ListAgentCollaborators"],
    absent: GONE,
    without: "which other agents the agent runs is not known",
};
const LIST_BASES: Call = Call {
    operation: "ListKnowledgeBases",
    actions: &["bedrock:ListKnowledgeBases"],
    absent: &[],
    without: "knowledge bases, and whose data they give out, are not known there",
};
const GET_BASE: Call = Call {
    operation: "GetKnowledgeBase",
    actions: &["bedrock:GetKnowledgeBase"],
    absent: GONE,
    without: "the role and the store of the knowledge base are not known",
};
const LIST_SOURCES: Call = Call {
    operation: "ListDataSources",
    actions: &["bedrock:ListDataSources"],
    absent: GONE,
    without: "whose data the knowledge base gives out is not known",
};
const GET_SOURCE: Call = Call {
    operation: "GetDataSource",
    actions: &["bedrock:GetDataSource"],
    absent: GONE,
    without: "whose data the knowledge base gives out is not known",
};
const LIST_TAGS: Call = Call {
    operation: "ListTagsForResource",
    actions: &["bedrock:ListTagsForResource"],
    absent: GONE,
    without: "tags of agents and knowledge bases, and so conditions on tags, are not known",
};
const LIST_GUARDRAILS: Call = Call {
    operation: "ListGuardrails",
    actions: &["bedrock:ListGuardrails"],
    absent: &[],
    without: "guardrails are not known there",
};

pub(crate) const SERVICE: Service = Service {
    name: "bedrock",
    title: "Amazon Bedrock",
    clients: &["Bedrock", "Bedrock Agent"],
    scope: Scope::Regional,
    reads: "agents: role, model, aliases, action groups, knowledge bases, collaborators, key, tags; knowledge bases: role, store, data sources, tags; guardrails",
    calls: &[
        &LIST_AGENTS,
        &GET_AGENT,
        &LIST_ALIASES,
        &GET_VERSION,
        &LIST_GROUPS,
        &GET_GROUP,
        &LIST_OF_AGENT,
        &LIST_COLLABORATORS,
        &LIST_BASES,
        &GET_BASE,
        &LIST_SOURCES,
        &GET_SOURCE,
        &LIST_TAGS,
        &LIST_GUARDRAILS,
    ],
    collect: |cx| collect(cx).boxed(),
};

type Client = aws_sdk_bedrockagent::Client;

/// The version of an agent that is worked on.
const DRAFT: &str = "DRAFT";

async fn collect(cx: &Cx) {
    let client = client!(cx, aws_sdk_bedrockagent);
    agents(cx, &client).await;
    bases(cx, &client).await;
    guardrails(cx).await;
}

async fn agents(cx: &Cx, client: &Client) {
    let agents = cx
        .pages(
            &LIST_AGENTS,
            None,
            |token| {
                client
                    .list_agents()
                    .max_results(1000)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.agent_summaries, page.next_token),
        )
        .await;
    cx.each(agents, |agent| async move {
        let id = agent.agent_id;
        let arn = cx.arn("bedrock", &format!("agent/{id}"));
        let mut record = Record::of(cx, Kind::BedrockAgent, &arn, agent.agent_name);
        record.fact_if("description", agent.description);
        let found = cx
            .call(&GET_AGENT, Some(&arn), || client.get_agent().agent_id(&id).send())
            .await
            .or_lacks(&mut record)
            .and_then(|answer| answer.agent);
        let mut team = false;
        if let Some(found) = found {
            team = leads(found.agent_collaboration.as_ref());
            agent_facts(&mut record, found);
        }
        versions(cx, client, &id, team, &mut record).await;
        record.tags = tags_of(cx, client, &mut record).await;
        cx.record(record);
    })
    .await;
}

fn leads(collaboration: Option<&AgentCollaboration>) -> bool {
    collaboration.is_some_and(|how| *how != AgentCollaboration::Disabled)
}

fn agent_facts(record: &mut Record, agent: Agent) {
    record.fact_if("foundation_model", agent.foundation_model);
    record.made(Some(&agent.created_at));
    record.refer_if(EdgeKind::RunsAs, Some(agent.agent_resource_role_arn));
    record.refer_if(EdgeKind::EncryptedWith, agent.customer_encryption_key_arn);
    record.fact_if(
        "guardrail",
        agent
            .guardrail_configuration
            .and_then(|guardrail| guardrail.guardrail_identifier),
    );
    let prompts = agent.prompt_override_configuration;
    if let Some(function) = prompts.and_then(|prompts| prompts.override_lambda) {
        record.refer_how(EdgeKind::Invokes, function, "parser of answers");
    }
    if let Some(OrchestrationExecutor::Lambda(function)) = agent
        .custom_orchestration
        .and_then(|orchestration| orchestration.executor)
    {
        record.refer_how(EdgeKind::Invokes, function, "orchestration");
    }
}

/// The draft, and the versions that aliases lead to.
async fn versions(cx: &Cx, client: &Client, id: &str, team: bool, record: &mut Record) {
    let arn = record.id.clone();
    let aliases = cx
        .pages(
            &LIST_ALIASES,
            Some(&arn),
            |token| {
                client
                    .list_agent_aliases()
                    .agent_id(id)
                    .max_results(1000)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.agent_alias_summaries, page.next_token),
        )
        .await;
    let mut shown: BTreeMap<String, Value> = BTreeMap::new();
    let mut routed: BTreeSet<String> = BTreeSet::new();
    for alias in aliases {
        let to: Vec<String> = alias
            .routing_configuration
            .unwrap_or_default()
            .into_iter()
            .filter_map(|route| route.agent_version)
            .collect();
        // Every agent has this one, which leads to the draft.
        if alias.agent_alias_id == "TSTALIASID" {
            continue;
        }
        shown.insert(
            alias.agent_alias_id.clone(),
            json!({"id": alias.agent_alias_id, "name": alias.agent_alias_name, "versions": to}),
        );
        routed.extend(to);
    }
    if !shown.is_empty() {
        record.fact("aliases", Vec::from_iter(shown.into_values()));
    }
    version(cx, client, id, DRAFT, team, record).await;
    routed.remove(DRAFT);
    for number in routed {
        let found = cx
            .call(&GET_VERSION, Some(&arn), || {
                client
                    .get_agent_version()
                    .agent_id(id)
                    .agent_version(&number)
                    .send()
            })
            .await
            .or_lacks(record)
            .and_then(|answer| answer.agent_version);
        let mut team = team;
        if let Some(found) = found {
            team = leads(found.agent_collaboration.as_ref());
            let role = found.agent_resource_role_arn;
            let known = |one: &sv0_model::record::Ref| one.rel == EdgeKind::RunsAs && one.to == role;
            if !record.refs.iter().any(known) {
                record.refer_how(EdgeKind::RunsAs, role, format!("version {number}"));
            }
        }
        version(cx, client, id, &number, team, record).await;
    }
}

/// What a version of an agent runs and reads, where the draft does not.
async fn version(cx: &Cx, client: &Client, id: &str, version: &str, team: bool, record: &mut Record) {
    let arn = record.id.clone();
    let of = match version {
        DRAFT => String::new(),
        number => format!(" of version {number}"),
    };
    let mut found: Vec<(EdgeKind, String, String)> = Vec::new();
    let groups = cx
        .pages(
            &LIST_GROUPS,
            Some(&arn),
            |token| {
                client
                    .list_agent_action_groups()
                    .agent_id(id)
                    .agent_version(version)
                    .max_results(1000)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.action_group_summaries, page.next_token),
        )
        .await
        .or_lacks(record);
    for group in groups {
        if group.action_group_state == ActionGroupState::Disabled {
            continue;
        }
        let executor = cx
            .call(&GET_GROUP, Some(&arn), || {
                client
                    .get_agent_action_group()
                    .agent_id(id)
                    .agent_version(version)
                    .action_group_id(&group.action_group_id)
                    .send()
            })
            .await
            .or_lacks(record)
            .and_then(|answer| answer.agent_action_group?.action_group_executor);
        // Others hand the call back to whoever asked.
        if let Some(ActionGroupExecutor::Lambda(function)) = executor {
            let how = format!("action group {}{of}", group.action_group_name);
            found.push((EdgeKind::Invokes, function, how));
        }
    }
    let bases = cx
        .pages(
            &LIST_OF_AGENT,
            Some(&arn),
            |token| {
                client
                    .list_agent_knowledge_bases()
                    .agent_id(id)
                    .agent_version(version)
                    .max_results(1000)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.agent_knowledge_base_summaries, page.next_token),
        )
        .await
        .or_lacks(record);
    for base in bases {
        if base.knowledge_base_state == KnowledgeBaseState::Disabled {
            continue;
        }
        let base = cx.arn("bedrock", &format!("knowledge-base/{}", base.knowledge_base_id));
        found.push((
            EdgeKind::ReadsFrom,
            base,
            format!("knowledge base of the agent{of}"),
        ));
    }
    if team {
        let others = cx
            .pages(
                &LIST_COLLABORATORS,
                Some(&arn),
                |token| {
                    client
                        .list_agent_collaborators()
                        .agent_id(id)
                        .agent_version(version)
                        .max_results(1000)
                        .set_next_token(token)
                        .send()
                },
                |page| (page.agent_collaborator_summaries, page.next_token),
            )
            .await
            .or_lacks(record);
        for other in others {
            let alias = other.agent_descriptor.and_then(|agent| agent.alias_arn);
            if let Some(agent) = alias.as_deref().and_then(agent_of) {
                let how = format!("collaborator {}{of}", other.collaborator_name);
                found.push((EdgeKind::Invokes, agent, how));
            }
        }
    }
    // What the draft has too says nothing new.
    let known: BTreeSet<(&str, String)> = record
        .refs
        .iter()
        .map(|one| (one.rel.as_str(), one.to.clone()))
        .collect();
    found.retain(|(rel, to, _)| version == DRAFT || !known.contains(&(rel.as_str(), to.clone())));
    for (rel, to, how) in found {
        record.refer_how(rel, to, how);
    }
}

/// `arn:…:agent-alias/AGENT/ALIAS` → `arn:…:agent/AGENT`.
fn agent_of(alias: &str) -> Option<String> {
    let (front, rest) = alias.split_once(":agent-alias/")?;
    let (agent, _) = rest.split_once('/')?;
    Some(format!("{front}:agent/{agent}"))
}

async fn tags_of(cx: &Cx, client: &Client, record: &mut Record) -> SmallMap<String> {
    let arn = record.id.clone();
    let found = cx
        .call(&LIST_TAGS, Some(&arn), || {
            client.list_tags_for_resource().resource_arn(&arn).send()
        })
        .await
        .or_lacks(record);
    tags(found.and_then(|answer| answer.tags).unwrap_or_default())
}

async fn bases(cx: &Cx, client: &Client) {
    let bases = cx
        .pages(
            &LIST_BASES,
            None,
            |token| {
                client
                    .list_knowledge_bases()
                    .max_results(1000)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.knowledge_base_summaries, page.next_token),
        )
        .await;
    cx.each(bases, |base| async move {
        let id = base.knowledge_base_id;
        let arn = cx.arn("bedrock", &format!("knowledge-base/{id}"));
        let mut record = Record::of(cx, Kind::BedrockKnowledgeBase, &arn, base.name);
        record.fact_if("description", base.description);
        let found = cx
            .call(&GET_BASE, Some(&arn), || {
                client.get_knowledge_base().knowledge_base_id(&id).send()
            })
            .await
            .or_lacks(&mut record)
            .and_then(|answer| answer.knowledge_base);
        if let Some(found) = found {
            base_facts(&mut record, found);
        }
        let sources = cx
            .pages(
                &LIST_SOURCES,
                Some(&arn),
                |token| {
                    client
                        .list_data_sources()
                        .knowledge_base_id(&id)
                        .max_results(1000)
                        .set_next_token(token)
                        .send()
                },
                |page| (page.data_source_summaries, page.next_token),
            )
            .await
            .or_lacks(&mut record);
        let mut found = Vec::new();
        for source in sources {
            let source = cx
                .call(&GET_SOURCE, Some(&arn), || {
                    client
                        .get_data_source()
                        .knowledge_base_id(&id)
                        .data_source_id(&source.data_source_id)
                        .send()
                })
                .await
                .or_lacks(&mut record);
            found.extend(source.and_then(|answer| answer.data_source));
        }
        source_facts(&mut record, found);
        record.tags = tags_of(cx, client, &mut record).await;
        cx.record(record);
    })
    .await;
}

fn base_facts(record: &mut Record, base: KnowledgeBase) {
    record.refer_if(EdgeKind::RunsAs, Some(base.role_arn));
    record.made(Some(&base.created_at));
    if let Some(kind) = base.knowledge_base_configuration {
        let vector = kind.vector_knowledge_base_configuration;
        record.fact_if("embedding_model", vector.map(|vector| vector.embedding_model_arn));
        let kendra = kind.kendra_knowledge_base_configuration;
        record.fact_if("storage", kendra.map(|kendra| kendra.kendra_index_arn));
        // Answers questions out of tables, by making queries.
        if kind.sql_knowledge_base_configuration.is_some() {
            record.fact("query_engine", "REDSHIFT");
        }
    }
    if let Some(storage) = base.storage_configuration {
        let (place, secret) = store(storage);
        if let Some(database) = place.as_deref().filter(|place| place.contains(":rds:")) {
            record.refer_how(EdgeKind::ReadsFrom, database, "vector store");
        }
        record.fact_if("storage", place);
        if let Some(secret) = secret {
            record.refer_how(EdgeKind::ReadsFrom, secret, "credentials of the vector store");
        }
    }
}

/// Where the vectors are, and the secret by which Bedrock gets there.
fn store(storage: StorageConfiguration) -> (Option<String>, Option<String>) {
    let outside = |address: &str| Some(host(address).to_owned());
    if let Some(serverless) = storage.opensearch_serverless_configuration {
        (Some(serverless.collection_arn), None)
    } else if let Some(cluster) = storage.opensearch_managed_cluster_configuration {
        (Some(cluster.domain_arn), None)
    } else if let Some(database) = storage.rds_configuration {
        (Some(database.resource_arn), Some(database.credentials_secret_arn))
    } else if let Some(graph) = storage.neptune_analytics_configuration {
        (Some(graph.graph_arn), None)
    } else if let Some(bucket) = storage.s3_vectors_configuration {
        (bucket.index_arn.or(bucket.vector_bucket_arn), None)
    } else if let Some(other) = storage.pinecone_configuration {
        (
            outside(&other.connection_string),
            Some(other.credentials_secret_arn),
        )
    } else if let Some(other) = storage.redis_enterprise_cloud_configuration {
        (outside(&other.endpoint), Some(other.credentials_secret_arn))
    } else if let Some(other) = storage.mongo_db_atlas_configuration {
        (outside(&other.endpoint), Some(other.credentials_secret_arn))
    } else {
        (None, None)
    }
}

fn source_facts(record: &mut Record, sources: Vec<DataSource>) {
    let mut others = BTreeMap::new();
    for source in sources {
        let name = source.name;
        let key = source.server_side_encryption_configuration;
        record.refer_if(EdgeKind::EncryptedWith, key.and_then(|key| key.kms_key_arn));
        let Some(from) = source.data_source_configuration else {
            continue;
        };
        if let Some(bucket) = from.s3_configuration {
            let how = format!("data source {name}");
            record.refer_how(EdgeKind::ReadsFrom, bucket.bucket_arn, how);
            continue;
        }
        let kind = from.r#type.as_str().to_owned();
        let secret = None
            .or(from
                .confluence_configuration
                .and_then(|one| one.source_configuration)
                .map(|one| one.credentials_secret_arn))
            .or(from
                .salesforce_configuration
                .and_then(|one| one.source_configuration)
                .map(|one| one.credentials_secret_arn))
            .or(from
                .share_point_configuration
                .and_then(|one| one.source_configuration)
                .map(|one| one.credentials_secret_arn));
        if let Some(secret) = secret.filter(|secret| !secret.is_empty()) {
            let how = format!("credentials of data source {name}");
            record.refer_how(EdgeKind::ReadsFrom, secret, how);
        }
        others.insert(name.clone(), json!({"name": name, "type": kind}));
    }
    if !others.is_empty() {
        record.fact("other_data_sources", Vec::from_iter(others.into_values()));
    }
}

async fn guardrails(cx: &Cx) {
    let client = client!(cx, aws_sdk_bedrock);
    let guardrails = cx
        .pages(
            &LIST_GUARDRAILS,
            None,
            |token| {
                client
                    .list_guardrails()
                    .max_results(1000)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.guardrails, page.next_token),
        )
        .await;
    for guardrail in guardrails {
        cx.record(guardrail_record(cx, guardrail));
    }
}

fn guardrail_record(cx: &Cx, guardrail: GuardrailSummary) -> Record {
    let mut record = Record::of(cx, Kind::AwsResource, guardrail.arn, guardrail.name);
    record.fact("resource_type", "AWS::Bedrock::Guardrail");
    record.made(Some(&guardrail.created_at));
    record
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_bedrockagent::types::{
        DataSourceConfiguration, DataSourceStatus, DataSourceType, KnowledgeBaseStorageType,
        RdsConfiguration, S3DataSourceConfiguration,
    };
    use aws_smithy_types::DateTime;

    #[test]
    fn a_collaborator_is_named_by_an_alias() {
        assert_eq!(
            agent_of("arn:aws:bedrock:r:1:agent-alias/A/B").as_deref(),
            Some("arn:aws:bedrock:r:1:agent/A")
        );
    }

    #[test]
    fn data_come_from_buckets() {
        let bucket = S3DataSourceConfiguration::builder().bucket_arn("arn:aws:s3:::b");
        let source = DataSource::builder()
            .knowledge_base_id("K")
            .data_source_id("D")
            .name("docs")
            .status(DataSourceStatus::Available)
            .data_source_configuration(
                DataSourceConfiguration::builder()
                    .r#type(DataSourceType::S3)
                    .s3_configuration(bucket.build().unwrap())
                    .build()
                    .unwrap(),
            )
            .created_at(DateTime::from_secs(0))
            .updated_at(DateTime::from_secs(0))
            .build()
            .unwrap();
        let mut record = Record::new(Kind::BedrockKnowledgeBase, "base");
        source_facts(&mut record, vec![source]);
        assert_eq!(
            serde_json::to_value(record).unwrap(),
            json!({
                "kind": "bedrock_knowledge_base", "id": "base",
                "refs": [{"rel": "READS_FROM", "to": "arn:aws:s3:::b", "attrs": {"how": "data source docs"}}],
            })
        );
    }

    #[test]
    fn a_store_may_have_a_secret() {
        let database = RdsConfiguration::builder()
            .resource_arn("arn:aws:rds:r:1:cluster:c")
            .credentials_secret_arn("secret")
            .database_name("d")
            .table_name("t")
            .build()
            .unwrap();
        let storage = StorageConfiguration::builder()
            .r#type(KnowledgeBaseStorageType::Rds)
            .rds_configuration(database)
            .build()
            .unwrap();
        assert_eq!(
            store(storage),
            (Some("arn:aws:rds:r:1:cluster:c".into()), Some("secret".into()))
        );
    }
}
