//! Amazon Bedrock: agents and what they can set in motion, knowledge bases and what they read, guardrails.

use aws_sdk_bedrockagent::types::{ActionGroupExecutor, Agent, KnowledgeBase, StorageConfiguration};
use futures::FutureExt;
use serde_json::json;
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::record::Record;

use crate::call::{Call, Scope, Service};
use crate::cx::Cx;
use crate::text::RecordExt;

const LIST_AGENTS: Call = Call {
    operation: "ListAgents",
    actions: &["bedrock:ListAgents"],
    absent: &[],
    without: "agents, and what a prompt to one can set in motion, are not known there",
};
const GET_AGENT: Call = Call {
    operation: "GetAgent",
    actions: &["bedrock:GetAgent"],
    absent: &[],
    without: "the agent's role is not known",
};
const LIST_ACTION_GROUPS: Call = Call {
    operation: "ListAgentActionGroups",
    actions: &["bedrock:ListAgentActionGroups"],
    absent: &[],
    without: "the functions that the agent can call are not known",
};
const GET_ACTION_GROUP: Call = Call {
    operation: "GetAgentActionGroup",
    actions: &["bedrock:GetAgentActionGroup"],
    absent: &[],
    without: "a function that the agent can call is not known",
};
const LIST_AGENT_KNOWLEDGE_BASES: Call = Call {
    operation: "ListAgentKnowledgeBases",
    actions: &["bedrock:ListAgentKnowledgeBases"],
    absent: &[],
    without: "the knowledge bases that the agent reads are not known",
};
const LIST_ALIASES: Call = Call {
    operation: "ListAgentAliases",
    actions: &["bedrock:ListAgentAliases"],
    absent: &[],
    without: "the agent's aliases, by which it is called, are not known",
};
const LIST_KNOWLEDGE_BASES: Call = Call {
    operation: "ListKnowledgeBases",
    actions: &["bedrock:ListKnowledgeBases"],
    absent: &[],
    without: "knowledge bases, and what they read, are not known there",
};
const GET_KNOWLEDGE_BASE: Call = Call {
    operation: "GetKnowledgeBase",
    actions: &["bedrock:GetKnowledgeBase"],
    absent: &[],
    without: "the knowledge base's role and storage are not known",
};
const LIST_DATA_SOURCES: Call = Call {
    operation: "ListDataSources",
    actions: &["bedrock:ListDataSources"],
    absent: &[],
    without: "what the knowledge base reads is not known",
};
const GET_DATA_SOURCE: Call = Call {
    operation: "GetDataSource",
    actions: &["bedrock:GetDataSource"],
    absent: &[],
    without: "one of the things that the knowledge base reads is not known",
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
    reads: "agents: role, model, functions of their action groups, knowledge bases, aliases (working draft); knowledge \
            bases: role, storage, buckets that they read; guardrails",
    calls: &[
        &LIST_AGENTS,
        &GET_AGENT,
        &LIST_ACTION_GROUPS,
        &GET_ACTION_GROUP,
        &LIST_AGENT_KNOWLEDGE_BASES,
        &LIST_ALIASES,
        &LIST_KNOWLEDGE_BASES,
        &GET_KNOWLEDGE_BASE,
        &LIST_DATA_SOURCES,
        &GET_DATA_SOURCE,
        &LIST_GUARDRAILS,
    ],
    collect: |cx| collect(cx).boxed(),
};

type Client = aws_sdk_bedrockagent::Client;

/// The version of an agent that is worked on; what is deployed was once this (Bedrock User Guide, "Deploy an agent").
const DRAFT: &str = "DRAFT";

async fn collect(cx: &Cx) {
    let agents = client!(cx, aws_sdk_bedrockagent);
    let listed = cx
        .pages(
            &LIST_AGENTS,
            None,
            |token| {
                agents
                    .list_agents()
                    .max_results(1000)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.agent_summaries, page.next_token),
        )
        .await;
    let client = &agents;
    cx.each(listed, |summary| {
        agent(cx, client, summary.agent_id, summary.agent_name)
    })
    .await;
    let listed = cx
        .pages(
            &LIST_KNOWLEDGE_BASES,
            None,
            |token| {
                agents
                    .list_knowledge_bases()
                    .max_results(1000)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.knowledge_base_summaries, page.next_token),
        )
        .await;
    cx.each(listed, |summary| {
        knowledge_base(cx, client, summary.knowledge_base_id, summary.name)
    })
    .await;
    guardrails(cx).await;
}

async fn agent(cx: &Cx, client: &Client, id: String, name: String) {
    let arn = cx.arn("bedrock", &format!("agent/{id}"));
    let mut record = Record::of(cx, Kind::BedrockAgent, arn.as_str(), name);
    let found = cx
        .call(&GET_AGENT, Some(&arn), || client.get_agent().agent_id(&id).send())
        .await
        .or_lacks(&mut record)
        .and_then(|answer| answer.agent);
    if let Some(found) = found {
        agent_facts(&mut record, found);
    }
    let groups = cx
        .pages(
            &LIST_ACTION_GROUPS,
            Some(&arn),
            |token| {
                client
                    .list_agent_action_groups()
                    .agent_id(&id)
                    .agent_version(DRAFT)
                    .max_results(1000)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.action_group_summaries, page.next_token),
        )
        .await
        .or_lacks(&mut record);
    for group in groups {
        let found = cx
            .call(&GET_ACTION_GROUP, Some(&arn), || {
                client
                    .get_agent_action_group()
                    .agent_id(&id)
                    .agent_version(DRAFT)
                    .action_group_id(&group.action_group_id)
                    .send()
            })
            .await
            .or_lacks(&mut record)
            .and_then(|answer| answer.agent_action_group)
            .and_then(|group| group.action_group_executor);
        if let Some(ActionGroupExecutor::Lambda(function)) = found {
            let how = format!("action group {}", group.action_group_name);
            record.refer_how(EdgeKind::Invokes, function, how);
        }
    }
    let bases = cx
        .pages(
            &LIST_AGENT_KNOWLEDGE_BASES,
            Some(&arn),
            |token| {
                client
                    .list_agent_knowledge_bases()
                    .agent_id(&id)
                    .agent_version(DRAFT)
                    .max_results(1000)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.agent_knowledge_base_summaries, page.next_token),
        )
        .await
        .or_lacks(&mut record);
    for base in bases {
        let to = cx.arn("bedrock", &format!("knowledge-base/{}", base.knowledge_base_id));
        record.refer_how(EdgeKind::ReadsFrom, to, "knowledge base of the agent");
    }
    let aliases = cx
        .pages(
            &LIST_ALIASES,
            Some(&arn),
            |token| {
                client
                    .list_agent_aliases()
                    .agent_id(&id)
                    .max_results(1000)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.agent_alias_summaries, page.next_token),
        )
        .await
        .or_lacks(&mut record);
    let mut aliases: Vec<serde_json::Value> = aliases
        .into_iter()
        // Every agent has this one, which is the draft.
        .filter(|alias| alias.agent_alias_id != "TSTALIASID")
        .map(|alias| {
            let routes = alias.routing_configuration.unwrap_or_default();
            let versions: Vec<String> = routes
                .into_iter()
                .filter_map(|route| route.agent_version)
                .collect();
            json!({"id": alias.agent_alias_id, "name": alias.agent_alias_name, "versions": versions})
        })
        .collect();
    aliases.sort_by_key(serde_json::Value::to_string);
    if !aliases.is_empty() {
        record.fact("aliases", aliases);
    }
    cx.record(record);
}

fn agent_facts(record: &mut Record, agent: Agent) {
    record.refer_if(EdgeKind::RunsAs, Some(agent.agent_resource_role_arn));
    record.refer_if(EdgeKind::EncryptedWith, agent.customer_encryption_key_arn);
    record.fact_if("foundation_model", agent.foundation_model);
    record.fact_if("description", agent.description);
    let guardrail = agent
        .guardrail_configuration
        .and_then(|guardrail| guardrail.guardrail_identifier);
    record.fact_if("guardrail", guardrail);
    record.made(Some(&agent.created_at));
}

async fn knowledge_base(cx: &Cx, client: &Client, id: String, name: String) {
    let arn = cx.arn("bedrock", &format!("knowledge-base/{id}"));
    let mut record = Record::of(cx, Kind::BedrockKnowledgeBase, arn.as_str(), name);
    let found = cx
        .call(&GET_KNOWLEDGE_BASE, Some(&arn), || {
            client.get_knowledge_base().knowledge_base_id(&id).send()
        })
        .await
        .or_lacks(&mut record)
        .and_then(|answer| answer.knowledge_base);
    if let Some(found) = found {
        knowledge_base_facts(&mut record, found);
    }
    let sources = cx
        .pages(
            &LIST_DATA_SOURCES,
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
    for source in sources {
        let found = cx
            .call(&GET_DATA_SOURCE, Some(&arn), || {
                client
                    .get_data_source()
                    .knowledge_base_id(&id)
                    .data_source_id(&source.data_source_id)
                    .send()
            })
            .await
            .or_lacks(&mut record)
            .and_then(|answer| answer.data_source)
            .and_then(|source| source.data_source_configuration);
        let bucket = found.and_then(|configuration| configuration.s3_configuration);
        if let Some(bucket) = bucket {
            let how = format!("data source {}", source.name);
            record.refer_how(EdgeKind::ReadsFrom, bucket.bucket_arn, how);
        }
    }
    cx.record(record);
}

fn knowledge_base_facts(record: &mut Record, base: KnowledgeBase) {
    record.refer_if(EdgeKind::RunsAs, Some(base.role_arn));
    record.fact_if("description", base.description);
    let model = base
        .knowledge_base_configuration
        .and_then(|configuration| configuration.vector_knowledge_base_configuration)
        .map(|vector| vector.embedding_model_arn);
    record.fact_if("embedding_model", model);
    record.fact_if("storage", base.storage_configuration.and_then(storage));
    record.made(Some(&base.created_at));
}

/// The ARN of what holds the vectors, where it is in AWS.
fn storage(storage: StorageConfiguration) -> Option<String> {
    let serverless = storage
        .opensearch_serverless_configuration
        .map(|found| found.collection_arn);
    let cluster = storage
        .opensearch_managed_cluster_configuration
        .map(|found| found.domain_arn);
    let database = storage.rds_configuration.map(|found| found.resource_arn);
    let graph = storage
        .neptune_analytics_configuration
        .map(|found| found.graph_arn);
    serverless.or(cluster).or(database).or(graph)
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
        let mut record = Record::of(cx, Kind::AwsResource, guardrail.arn, guardrail.name);
        record.fact("resource_type", "AWS::Bedrock::Guardrail");
        record.made(Some(&guardrail.created_at));
        cx.record(record);
    }
}
