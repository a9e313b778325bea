//! What was seen in use, as far as findings need it. Whoever reads trails hands it in; nothing here knows CloudTrail.

use sv0_analyze::World;
use sv0_analyze::ask::{Asker, Target};
use sv0_analyze::question::who_can::subject;
use sv0_iam::decide::Verdict;
use sv0_model::path::Path;

/// One use: somebody's action on a resource, as often as it was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// The role or user whose authority was used: its ARN.
    pub principal: String,
    /// The IAM action.
    pub action: String,
    /// The resource's ARN, or `*`.
    pub resource: String,
}

/// What was seen.
pub struct Observed<'a> {
    /// Every use that succeeded, each once.
    pub uses: Vec<Use>,
    /// Writes onto a path what was seen of it.
    pub annotate: &'a (dyn Fn(&mut Path) + Sync),
}

impl std::fmt::Debug for Observed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Observed")
            .field("uses", &self.uses.len())
            .finish_non_exhaustive()
    }
}

impl Use {
    /// Whether a world lets it happen.
    #[must_use]
    pub fn is_allowed(&self, world: &World) -> bool {
        let Some(principal) = world.graph.find(&self.principal) else {
            return false;
        };
        let asker = Asker::node(world, principal);
        let asked = subject(world, &self.resource).ok();
        let target = Target {
            arn: &self.resource,
            node: asked.and_then(|asked| asked.node),
        };
        matches!(
            asker.ask(&self.action, target).verdict(),
            Verdict::Allowed | Verdict::AllowedIf
        )
    }
}

/// The uses that one world lets happen and another does not.
#[must_use]
pub fn broken<'u>(uses: &'u [Use], before: &World, after: &World) -> Vec<&'u Use> {
    uses.iter()
        .filter(|one| one.is_allowed(before) && !one.is_allowed(after))
        .collect()
}
