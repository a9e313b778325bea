//! Who can: one question put to very many principals at once.
//!
//! A [`Population`] holds principals in groups that share policies, ceilings, account and kind. What a document says to
//! one action on one resource is noted once a question (`partial`), so far as it says the same to everybody; a group is
//! asked as a whole where nothing tells its members apart; and of the groups, only those are looked at that are of the
//! right account or have a policy that could grant (`leads`), or that the resource's own policy speaks of (`names`).
//!
//! ```
//! use sv0_engine::compiled::{Action, Resource};
//! use sv0_engine::index::{Builder, NewPrincipal, Scratch, Target};
//! use sv0_iam::{condition::Context, decide::ResourceRule, name::Caller, syntax::{Flavor, parse}};
//!
//! let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}}"#;
//! let mut builder = Builder::default();
//! let policy = builder.library().add(&parse(text, Flavor::Identity).0.expect("a policy"));
//! let caller = Caller::parse("arn:aws:iam::111111111111:role/App");
//! let app = builder.add(&NewPrincipal {
//!     caller: &caller,
//!     identity: &[policy],
//!     identity_unknown: false,
//!     boundaries: &[],
//!     scps: None,
//!     context: &Context::open(),
//! });
//! let population = builder.build();
//!
//! let target = Target {
//!     action: &Action::new("s3:GetObject"),
//!     resource: &Resource::new("arn:aws:s3:::data/report.csv"),
//!     resource_account: Some("111111111111"),
//!     policies: &[],
//!     rcps: None,
//!     endpoint: None,
//!     resource_rule: ResourceRule::Either,
//!     block_public_access: false,
//!     facts: None,
//! };
//! let answer = population.who_can(&target, &mut Scratch::default());
//! assert_eq!(answer.allowed, [app]);
//! ```

mod bits;
mod builder;
pub mod bundle;
mod change;
mod keys;
mod leads;
mod names;
mod partial;
mod population;
pub mod reach;
mod who_can;

pub use builder::{Builder, NewPrincipal};
pub use bundle::{Bundle, Mask};
pub use population::{ChainId, Population, PrincipalId};
pub use reach::{Reach, Row};
pub use who_can::{Scratch, Target, WhoCan};
