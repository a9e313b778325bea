//! Questions about one action, one principal.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sv0_analyze::question::who_can::{Totals, who_can_some};
use sv0_analyze::question::{self, Can, Explanation, WhoCan, asked};

use crate::endpoint::Asking;
use crate::page::limit;
use crate::problem::Problem;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Who {
    /// An IAM action, such as `s3:GetObject`; `*` and `?` stand for any.
    action: String,
    /// A resource: its id, name, or the ARN of something in it.
    resource: String,
    /// How many of each list at most.
    limit: Option<u16>,
}

/// Who can.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct WhoAnswer {
    #[serde(flatten)]
    answer: WhoCan,
    /// How many there are, shown or not.
    totals: Totals,
}

pub(super) fn who_can(asking: &Asking<'_>, who: Who) -> Result<WhoAnswer, Problem> {
    let (app, most) = (asking.app, limit(who.limit, 200));
    asked::action(&who.action)?;
    let subject = question::who_can::subject(app.world(), &who.resource)?;
    asked::applies(&who.action, &subject.arn)?;
    let (world, steps, finder) = (app.world(), app.steps(), app.finder());
    let (answer, totals) = who_can_some(world, steps, finder, &who.action, &subject, most);
    Ok(WhoAnswer { answer, totals })
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Principal {
    /// An identity or workload: its id, or a name where only one is called so.
    id: String,
}

pub(super) fn can(asking: &Asking<'_>, principal: Principal) -> Result<Can, Problem> {
    let app = asking.app;
    let node = asked::principal(app.world(), &principal.id)?;
    Ok(question::can(app.world(), app.steps(), app.finder(), node))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Why {
    /// An identity or workload.
    principal: String,
    /// One IAM action.
    action: String,
    /// A resource: its id, name, or the ARN of something in it.
    resource: String,
}

pub(super) fn explain(asking: &Asking<'_>, why: Why) -> Result<Explanation, Problem> {
    let world = asking.app.world();
    asked::single_action(&why.action)?;
    let who = asked::principal(world, &why.principal)?;
    let subject = question::who_can::subject(world, &why.resource)?;
    asked::applies(&why.action, &subject.arn)?;
    Ok(question::explain(world, who, &why.action, &subject))
}
