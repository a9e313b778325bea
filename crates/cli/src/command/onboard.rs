//! `sv0 onboard`: what an account must have so that sv0 may read it.

use std::io::{self, Write};

use sv0_collect::onboard::{Athena, Features, Role, cloudformation, policies, terraform};

use crate::Failure;
use crate::args::{OnboardArgs, OnboardFormat};

pub(crate) fn run(args: &OnboardArgs) -> Result<u8, Failure> {
    let features = Features {
        trail_buckets: args.trail_bucket.clone(),
        keys: args.evidence_key.clone(),
        athena: args
            .athena_workgroup
            .clone()
            .zip(args.athena_results_bucket.clone())
            .map(|(workgroup, results_bucket)| Athena {
                workgroup,
                results_bucket,
            }),
        deny_function_code: args.no_function_code,
        queue: args.event_queue.clone(),
    };
    let role = Role {
        name: args.role_name.clone(),
        trusted: args.trust.clone(),
        external_id: args.external_id.clone(),
        partition: args.partition.clone(),
    };
    let text = match args.format {
        OnboardFormat::Cloudformation => cloudformation(&role, &features),
        OnboardFormat::Terraform => terraform(&role, &features),
        OnboardFormat::Policy => {
            let documents: serde_json::Map<String, serde_json::Value> = policies(&features, &role.partition)
                .iter()
                .map(|policy| {
                    (
                        policy.purpose.to_owned(),
                        serde_json::to_value(policy).unwrap_or_default(),
                    )
                })
                .collect();
            let text = serde_json::to_string_pretty(&documents).unwrap_or_default();
            text + "\n"
        }
    };
    io::stdout()
        .lock()
        .write_all(text.as_bytes())
        .map_err(Failure::Output)?;
    Ok(0)
}
