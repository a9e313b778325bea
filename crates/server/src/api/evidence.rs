//! What CloudTrail saw.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sv0_evidence::answer::{Filter, Line, lines};
use sv0_evidence::evidence::Visible;
use sv0_evidence::fold::Totals;
use sv0_evidence::problem::Problems;
use sv0_evidence::time::Time;
use sv0_evidence::unused::{PrincipalUse, unused as ask};
use sv0_evidence::visible::Sight;
use sv0_iam::name::Arn;

use crate::app::Seen;
use crate::endpoint::Asking;
use crate::granted;
use crate::page::{Cursor, Page, limit};
use crate::problem::Problem;

fn seen<'a>(asking: &'a Asking<'_>) -> Result<&'a Seen, Problem> {
    asking.app.seen.as_ref().ok_or_else(Problem::no_evidence)
}

/// The ARN of a name where the configuration has it; records may have others.
fn full(asking: &Asking<'_>, name: Option<&str>) -> Option<String> {
    let name = name?;
    let world = asking.app.world();
    let known = world.lookup(name, &[]).ok().map(|node| world.id(node).to_owned());
    // A person of Identity Center is in records by name.
    Some(
        known
            .filter(|id| !id.contains(":identitystore:"))
            .unwrap_or_else(|| name.to_owned()),
    )
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Of {
    /// The caller: its ARN or name, or who started its chain.
    principal: Option<String>,
    /// The resource, and what is in it.
    resource: Option<String>,
    /// How many at most.
    limit: Option<u16>,
    /// `next` of the page before.
    cursor: Option<Cursor>,
}

/// What was seen.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Was {
    since: Time,
    until: Time,
    #[serde(flatten)]
    page: Page<Line>,
    /// Kinds of events that the records hold; what is not here cannot be seen.
    recorded: Vec<Visible>,
    totals: Totals,
    /// What could not be read.
    problems: Problems,
}

pub(super) fn list(asking: &Asking<'_>, of: Of) -> Result<Was, Problem> {
    let reading = seen(asking)?.reading;
    let filter = Filter {
        principal: full(asking, of.principal.as_deref()),
        resource: full(asking, of.resource.as_deref()),
        // A thousand objects read by one job are one line, unless somebody asks about one of them.
        together: true,
        ..Filter::default()
    };
    let found = lines(&reading.evidence, &filter);
    let window = reading.evidence.window();
    Ok(Was {
        since: window.since,
        until: window.until,
        page: Page::of(found, of.cursor.as_ref(), limit(of.limit, 50))?,
        recorded: reading.evidence.visible().to_vec(),
        totals: reading.evidence.totals(),
        problems: reading.problems.clone(),
    })
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Done {
    /// The IAM action, or the name of the event; may hold `*`.
    action: String,
    /// The resource, and what is in it.
    resource: String,
}

/// Who did it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Did {
    lines: Vec<Line>,
    /// Where there is none: whether it would have been recorded, in words.
    otherwise: Option<String>,
}

pub(super) fn who_did(asking: &Asking<'_>, done: Done) -> Result<Did, Problem> {
    let seen = seen(asking)?;
    let filter = Filter {
        principal: None,
        resource: full(asking, Some(&done.resource)),
        action: Some(done.action.clone()),
        together: true,
    };
    let lines = lines(&seen.reading.evidence, &filter);
    let otherwise = lines.is_empty().then(|| {
        let arn = filter.resource.as_deref().and_then(Arn::parse);
        let sight = match arn.and_then(|arn| arn.account_id()) {
            Some(account) => seen.sights.of(&[account], &done.action),
            None => seen.sights.anywhere(&done.action),
        };
        match sight {
            Sight::Recorded => "Nobody; it would have been recorded.".to_owned(),
            sight => format!("Nobody that is recorded: {}.", sight.words()),
        }
    });
    Ok(Did { lines, otherwise })
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Unused {
    /// One user or role.
    principal: Option<String>,
    /// How many at most.
    limit: Option<u16>,
    /// `next` of the page before.
    cursor: Option<Cursor>,
}

pub(super) fn unused(asking: &Asking<'_>, of: Unused) -> Result<Page<PrincipalUse>, Problem> {
    let seen = seen(asking)?;
    let world = asking.app.world();
    let only = match &of.principal {
        Some(name) => Some(sv0_analyze::question::asked::principal(world, name)?),
        None => None,
    };
    let granted: Vec<_> = granted::principals(world)
        .filter(|node| only.is_none_or(|only| only == *node))
        .map(|node| granted::of(world, node))
        .collect();
    let found = ask(&seen.reading.evidence, seen.sights, &granted);
    Page::of(found, of.cursor.as_ref(), limit(of.limit, 50))
}
