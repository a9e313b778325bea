//! One command a file: read, ask, show.

pub(crate) mod analyze;
pub(crate) mod can;
pub(crate) mod catalog;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod explain;
pub(crate) mod paths;
pub(crate) mod simulate;
pub(crate) mod who_can;
