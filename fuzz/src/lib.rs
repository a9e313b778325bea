//! What the fuzz targets check. A target is one function that takes bytes and panics where something is wrong; the
//! binaries in `targets/` hand it to libFuzzer.
//!
//! * [`policy`], [`simulate`] — any bytes, read as text;
//! * [`glob`], [`condition`], [`engines`], [`effective`] — bytes as a row of choices ([`pick`]), so that most inputs mean something.
//!
//! Checks are written so that a failure can be read: the message has the policies and the request, not the bytes.

pub mod condition;
pub mod effective;
pub mod engines;
pub mod glob;
pub mod pick;
pub mod policy;
pub mod simulate;
pub mod vocabulary;
pub mod world;
