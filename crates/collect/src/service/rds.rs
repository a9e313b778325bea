//! Amazon RDS and Aurora: clusters and instances, how they are encrypted and how one signs in.

use aws_sdk_rds::types::{DbCluster, DbInstance, MasterUserSecret, Tag, VpcSecurityGroupMembership};
use futures::FutureExt;
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::record::Record;
use sv0_model::small::SmallMap;

use crate::call::{Call, Scope, Service};
use crate::cx::Cx;
use crate::text::{RecordExt, tags};

const DESCRIBE_CLUSTERS: Call = Call {
    operation: "DescribeDBClusters",
    actions: &["rds:DescribeDBClusters"],
    absent: &[],
    without: "database clusters are not known there",
};
const DESCRIBE_INSTANCES: Call = Call {
    operation: "DescribeDBInstances",
    actions: &["rds:DescribeDBInstances"],
    absent: &[],
    without: "database instances are not known there",
};

pub(crate) const SERVICE: Service = Service {
    name: "rds",
    title: "Amazon RDS",
    clients: &["RDS"],
    scope: Scope::Regional,
    reads: "database clusters and instances: engine, encryption, IAM authentication, Data API, network, roles, tags",
    calls: &[&DESCRIBE_CLUSTERS, &DESCRIBE_INSTANCES],
    collect: |cx| collect(cx).boxed(),
};

async fn collect(cx: &Cx) {
    let client = client!(cx, aws_sdk_rds);
    let clusters = cx
        .pages(
            &DESCRIBE_CLUSTERS,
            None,
            |marker| {
                client
                    .describe_db_clusters()
                    .max_records(100)
                    .set_marker(marker)
                    .send()
            },
            |page| (page.db_clusters.unwrap_or_default(), page.marker),
        )
        .await;
    for cluster in clusters {
        let name = cluster.db_cluster_identifier.clone().unwrap_or_default();
        let arn = cluster.db_cluster_arn.clone();
        let arn = arn.unwrap_or_else(|| cx.arn("rds", &format!("cluster:{name}")));
        let mut record = Record::of(cx, Kind::RdsCluster, arn, name);
        cluster_facts(&mut record, cluster, |key| cx.key(key));
        cx.record(record);
    }
    let instances = cx
        .pages(
            &DESCRIBE_INSTANCES,
            None,
            |marker| {
                client
                    .describe_db_instances()
                    .max_records(100)
                    .set_marker(marker)
                    .send()
            },
            |page| (page.db_instances.unwrap_or_default(), page.marker),
        )
        .await;
    for instance in instances {
        let name = instance.db_instance_identifier.clone().unwrap_or_default();
        let arn = instance.db_instance_arn.clone();
        let arn = arn.unwrap_or_else(|| cx.arn("rds", &format!("db:{name}")));
        let mut record = Record::of(cx, Kind::RdsInstance, arn, name);
        instance_facts(&mut record, instance, |key| cx.key(key));
        cx.record(record);
    }
}

fn cluster_facts(record: &mut Record, cluster: DbCluster, key: impl Fn(&str) -> String) {
    record.made(cluster.cluster_create_time.as_ref());
    record.fact_if("engine", cluster.engine);
    record.fact_if("engine_version", cluster.engine_version);
    let signs_in = cluster.iam_database_authentication_enabled.unwrap_or_default();
    record.fact("iam_authentication", signs_in);
    record.fact_if("resource_id", cluster.db_cluster_resource_id);
    record.fact("storage_encrypted", cluster.storage_encrypted.unwrap_or_default());
    if cluster.http_endpoint_enabled == Some(true) {
        record.fact("data_api", true);
    }
    if cluster.publicly_accessible == Some(true) {
        record.fact("publicly_accessible", true);
    }
    let roles = cluster.associated_roles.unwrap_or_default();
    list(
        record,
        "associated_roles",
        roles.into_iter().filter_map(|role| role.role_arn),
    );
    security_groups(record, cluster.vpc_security_groups);
    master_secret(record, cluster.master_user_secret);
    record.refer_if(EdgeKind::EncryptedWith, cluster.kms_key_id.as_deref().map(key));
    record.tags = tag_map(cluster.tag_list);
}

fn instance_facts(record: &mut Record, instance: DbInstance, key: impl Fn(&str) -> String) {
    record.made(instance.instance_create_time.as_ref());
    record.fact_if("engine", instance.engine);
    match instance
        .db_cluster_identifier
        .filter(|cluster| !cluster.is_empty())
    {
        // The rest is the cluster's.
        Some(cluster) => record.fact("cluster", cluster),
        None => {
            record.fact_if("engine_version", instance.engine_version);
            let signs_in = instance.iam_database_authentication_enabled.unwrap_or_default();
            record.fact("iam_authentication", signs_in);
        }
    }
    record.fact(
        "publicly_accessible",
        instance.publicly_accessible.unwrap_or_default(),
    );
    record.fact_if("resource_id", instance.dbi_resource_id);
    record.fact(
        "storage_encrypted",
        instance.storage_encrypted.unwrap_or_default(),
    );
    let roles = instance.associated_roles.unwrap_or_default();
    list(
        record,
        "associated_roles",
        roles.into_iter().filter_map(|role| role.role_arn),
    );
    security_groups(record, instance.vpc_security_groups);
    record.fact_if("vpc", instance.db_subnet_group.and_then(|group| group.vpc_id));
    master_secret(record, instance.master_user_secret);
    record.refer_if(EdgeKind::EncryptedWith, instance.kms_key_id.as_deref().map(key));
    record.tags = tag_map(instance.tag_list);
}

fn security_groups(record: &mut Record, groups: Option<Vec<VpcSecurityGroupMembership>>) {
    let ids = groups.unwrap_or_default();
    list(
        record,
        "security_groups",
        ids.into_iter().filter_map(|group| group.vpc_security_group_id),
    );
}

/// Where the password of the database's master user is, if RDS keeps it.
fn master_secret(record: &mut Record, secret: Option<MasterUserSecret>) {
    record.fact_if("master_user_secret", secret.and_then(|secret| secret.secret_arn));
}

/// A fact of several texts, where there are any.
fn list(record: &mut Record, name: &str, texts: impl Iterator<Item = String>) {
    let mut texts: Vec<String> = texts.collect();
    texts.sort();
    texts.dedup();
    if !texts.is_empty() {
        record.fact(name, texts);
    }
}

fn tag_map(list: Option<Vec<Tag>>) -> SmallMap<String> {
    let pairs = list.unwrap_or_default().into_iter();
    tags(pairs.filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_instance_of_a_cluster_leaves_to_it_what_is_the_clusters() {
        let made = |instance| {
            let mut record = Record::new(Kind::RdsInstance, "i");
            instance_facts(&mut record, instance, str::to_owned);
            serde_json::to_value(record.attrs).unwrap()
        };
        let instance = DbInstance::builder()
            .engine("postgres")
            .engine_version("16.1")
            .dbi_resource_id("db-X");
        assert_eq!(
            made(instance.clone().db_cluster_identifier("c").build()),
            json!({
                "cluster": "c", "engine": "postgres", "publicly_accessible": false,
                "resource_id": "db-X", "storage_encrypted": false,
            })
        );
        assert_eq!(
            made(instance.iam_database_authentication_enabled(true).build()),
            json!({
                "engine": "postgres", "engine_version": "16.1", "iam_authentication": true,
                "publicly_accessible": false, "resource_id": "db-X", "storage_encrypted": false,
            })
        );
    }
}
