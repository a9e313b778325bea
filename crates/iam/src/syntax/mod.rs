//! The policy language: JSON with positions, the syntax tree, and the parser that makes one from the other.
//!
//! Parsing never rejects a whole document for one odd element: what could be understood is returned, and every
//! doubt is a [`Diagnostic`] that names its place.

pub mod ast;
pub mod diagnostic;
pub mod json;
pub mod parse;
pub mod resource;
pub mod template;

pub use ast::{Condition, Effect, Policy, PrincipalEntry, Statement};
pub use diagnostic::{Diagnostic, Severity};
pub use parse::{Flavor, parse};
pub use resource::ResourcePattern;
pub use template::Template;
