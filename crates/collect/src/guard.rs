//! The last thing before a request leaves: refuses every operation that no table lists.
//!
//! Whatever a service module does by mistake, sv0 makes only calls that the documentation and the reader policy show.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeSerializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

use crate::call::Call;
use crate::registry;

/// Put into every client by `client!`.
#[derive(Debug)]
pub(crate) struct Guard;

/// The same with another list: for clients that no scan has.
#[derive(Debug)]
pub(crate) struct GuardOf(pub(crate) &'static [(&'static str, &'static Call)]);

#[dyn_dispatch_hint]
impl Intercept for Guard {
    fn name(&self) -> &'static str {
        "sv0 makes declared calls only"
    }

    fn read_before_serialization(
        &self,
        _context: &BeforeSerializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        check(cfg, registry::declared)
    }
}

#[dyn_dispatch_hint]
impl Intercept for GuardOf {
    fn name(&self) -> &'static str {
        "sv0 makes calls of one list only"
    }

    fn read_before_serialization(
        &self,
        _context: &BeforeSerializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        check(cfg, |client, operation| {
            self.0
                .iter()
                .any(|(listed, call)| (*listed, call.operation) == (client, operation))
        })
    }
}

fn check(cfg: &ConfigBag, declared: impl Fn(&str, &str) -> bool) -> Result<(), BoxError> {
    let Some(metadata) = cfg.load::<Metadata>() else {
        return Err("a request without a name was not sent".into());
    };
    if declared(metadata.service(), metadata.name()) {
        return Ok(());
    }
    Err(format!(
        "{}:{} is not among the calls that sv0 declares, and was not sent: this is a bug in sv0",
        metadata.service(),
        metadata.name()
    )
    .into())
}
