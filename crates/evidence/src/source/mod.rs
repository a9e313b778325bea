//! Where records come from. A source lists objects and gives the bytes of each; what is in the bytes is the same for all
//! of them ([`crate::document`]), so that a folder, an S3 prefix, the rows of Athena and the messages of a queue end in
//! one event model and one aggregation.

pub mod inflate;
pub mod layout;
pub mod local;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::time::{Time, Window};
use layout::Left;

pub use local::Local;

/// One object of a source: a file, an S3 object, a page of rows, a batch of messages.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    /// Its name, by which problems call it.
    pub name: String,
    /// How many bytes it has; 0 where that is not known beforehand.
    pub size: u64,
    /// When it was delivered, where its name says so.
    pub delivered: Option<Time>,
    /// What changes when its bytes do, such as an ETag; empty where there is nothing of the kind.
    pub tag: String,
}

/// What there is to read, and what was left out.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// To be read, by name.
    pub objects: Vec<Object>,
    /// Left out, counted by reason.
    pub left: BTreeMap<Left, u64>,
    /// Places that could not be listed: name and why.
    pub failed: Vec<(String, String)>,
}

/// Why a source gives nothing at all.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A path that was named does not exist, or cannot be opened.
    #[error("cannot read `{path}`")]
    Path {
        /// As given.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A place that is somewhere else says no.
    #[error("cannot read `{place}`: {why}")]
    Place {
        /// As given.
        place: String,
        /// Why.
        why: String,
    },
}

/// A place that holds CloudTrail records.
///
/// The bytes of an object are one of: a file as CloudTrail delivers it (`{"Records": […]}`), an EventBridge event
/// (`{"detail": …}`), a record by itself, or several of these one after another; each plain or in gzip. A source that has
/// something else (columns, parts of messages) writes it in one of these forms.
pub trait Source: Sync {
    /// Lists what can hold events of a window. The names of CloudTrail's objects tell the day of *delivery*, so that a
    /// source which goes by names must look a day further at the end, and [`Window::LOOKBACK`] further at the beginning,
    /// for the records that gave out credentials.
    fn list(&self, window: Window) -> Result<Listing, SourceError>;

    /// The same without what was delivered before a moment, as far as names tell: what a later run asks for. A source that
    /// can leave out the days before in listing does so.
    fn list_from(&self, window: Window, from: Time) -> Result<Listing, SourceError> {
        let mut listing = self.list(window)?;
        listing
            .objects
            .retain(|object| object.delivered.is_none_or(|at| at >= from));
        Ok(listing)
    }

    /// These will be fetched next, in this order, by whoever says so. A source that is far away begins.
    fn ahead(&self, _objects: &[Object]) {}

    /// Puts the bytes of an object into `bytes`, which is empty.
    fn fetch(&self, object: &Object, bytes: &mut Vec<u8>) -> std::io::Result<()>;

    /// What these objects say has been written down: the source need not keep them. Never called for what could not be used.
    fn written(&self, _objects: &[&Object]) -> Result<(), SourceError> {
        Ok(())
    }

    /// What whoever asked should know about the source, one sentence each; after reading.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether listing again would give more: the next page, the next messages.
    fn has_more(&self) -> bool {
        false
    }
}

/// What was listed, in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Listed {
    /// Objects to read.
    pub objects: u64,
    /// Left out, by reason.
    pub left_out: BTreeMap<Left, u64>,
}
