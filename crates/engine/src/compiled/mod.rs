//! The compiled evaluator: the verdict of [`sv0_iam::decide::decide`] some thirty times faster, without its reasons.
//!
//! A [`Library`] compiles each policy document once: actions become ranges of ranks in the catalogue, resource patterns
//! byte comparisons, the constants of conditions what they stand for, keys numbers. A [`Question`] holds the caller,
//! the action, the resource and the facts, each taken apart once and good for many questions. What a layer says shrinks
//! to a few bits, and `compose` puts them together.
//!
//! It is no second reading of AWS's rules: `tests/compiled.rs` holds it against the plain evaluator, rule by rule and on
//! random requests. Where they differ, the plain one is right.
//!
//! ```
//! use sv0_engine::compiled::{Action, Layers, Library, Question, Resource, Who};
//! use sv0_iam::{condition::Context, decide::Verdict, name::Caller, syntax::{Flavor, parse}};
//!
//! let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}}"#;
//! let mut library = Library::new();
//! let policy = library.add(&parse(text, Flavor::Identity).0.expect("a policy"));
//!
//! let who = Who::new(&Caller::parse("arn:aws:iam::111111111111:role/App"));
//! let facts = library.facts(&Context::open());
//! let question = Question {
//!     who: &who,
//!     action: &Action::new("s3:GetObject"),
//!     resource: &Resource::new("arn:aws:s3:::data/report.csv"),
//!     resource_account: None,
//!     facts: &facts,
//!     more: None,
//! };
//! let layers = Layers { identity: &[policy], ..Layers::default() };
//! assert_eq!(library.decide(&question, &layers), Verdict::Allowed);
//! ```

pub(crate) mod action;
pub(crate) mod compose;
mod condition;
pub(crate) mod decide;
pub(crate) mod document;
pub(crate) mod facts;
pub(crate) mod keys;
pub(crate) mod library;
pub(crate) mod principal;
pub(crate) mod resource;
mod short;
mod text;

pub use action::Action;
pub use decide::{Layers, Question};
pub use facts::Facts;
pub use library::{Library, PolicyId};
pub use principal::Who;
pub use resource::Resource;
