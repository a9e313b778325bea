//! The text format of a catalogue: reading and writing.
//!
//! UTF-8, one thing a line, fields separated by tabs, all fields always present; empty lines and lines that
//! begin with `#` are skipped. Lists are separated by commas. Usually compressed with gzip.
//!
//! ```text
//! sv0-catalog 1  source=…  version=…  date=2026-09-26  dependents=…  services=456  actions=…  resource-types=…  condition-keys=…
//! G  aws:SourceIp      IPAddress                             a global condition key
//! S  s3                Amazon S3                rcp          a service; the last field is empty, or `rcp`, or
//! S  kms               AWS Key Management …     rcp,!RetireGrant   `rcp` and the actions that RCPs leave alone
//! K  s3:TlsVersion     Numeric                               a condition key of the service
//! R  bucket            arn:…:s3:::${BucketName} key,key      a resource type: ARN templates, condition keys
//! A  s3:GetObject      read  object,bucket*=key|key  key,key  iam:PassRole
//!                            an action: access level; resource types, `*` if required, with the keys it has on
//!                            that type; its condition keys; the actions that a caller needs besides
//! ```
//!
//! What follows an `S` is that service's: its `K`, then its `R`, then its `A`. Names are in order, case aside,
//! and services in the order of their actions (`s3-outposts:` is before `s3:`). An action may use only what its
//! service declares. The counts in the header may be left out; those that are there must be right, so that a
//! file cut short is noticed.

mod read;
#[cfg(test)]
mod tests;

use super::table::Span;
use super::{Catalog, Meta};
use std::fmt::Write;
use std::io::Read;

const MAGIC: &str = "sv0-catalog 1";
/// Far more than any catalogue, and less than a [`Span`] can tell.
const MOST_BYTES: u64 = 256 << 20;

/// Why a catalogue could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The compressed data is damaged.
    #[error("cannot decompress the catalogue")]
    Gzip(#[source] std::io::Error),
    /// Larger than any catalogue.
    #[error("the catalogue has more than {} MiB", MOST_BYTES >> 20)]
    TooLarge,
    /// Not text.
    #[error("the catalogue is not UTF-8 text")]
    Utf8(#[source] std::string::FromUtf8Error),
    /// A line is not what the format says.
    #[error("catalogue line {line}: {problem}")]
    Line {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
}

/// Decompresses and reads.
pub(super) fn read(bytes: &[u8]) -> Result<Catalog, CatalogError> {
    let mut plain = Vec::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        plain.reserve(bytes.len().saturating_mul(9).min(64 << 20));
        let decoder = flate2::bufread::MultiGzDecoder::new(bytes);
        decoder
            .take(MOST_BYTES + 1)
            .read_to_end(&mut plain)
            .map_err(CatalogError::Gzip)?;
    } else {
        plain.extend_from_slice(bytes);
    }
    if plain.len() as u64 > MOST_BYTES {
        return Err(CatalogError::TooLarge);
    }
    let text = String::from_utf8(plain).map_err(CatalogError::Utf8)?;
    let mut catalog = read::Reader::new(&text).read()?;
    catalog.text = text;
    catalog.carriers.resize_with(catalog.keys.len(), Default::default);
    Ok(catalog)
}

/// Writes what `read` reads.
pub(super) fn write(catalog: &Catalog) -> String {
    let meta = &catalog.meta;
    let mut out = String::with_capacity(catalog.text.len());
    let text = |span: Span| span.of(&catalog.text);
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "{MAGIC}\tsource={}\tversion={}\tdate={}\tdependents={}",
        meta.source, meta.version, meta.date, meta.dependents
    );
    for (name, count) in counts(meta) {
        let _ = write!(out, "\t{name}={count}");
    }
    out.push('\n');
    for key in catalog.global_condition_keys() {
        let _ = writeln!(out, "G\t{}\t{}", key.name(), key.value_type());
    }
    for service in catalog.services() {
        let _ = writeln!(
            out,
            "S\t{}\t{}\t{}",
            service.prefix(),
            service.name(),
            text(service.row.rcp)
        );
        for key in service.condition_keys() {
            let _ = writeln!(out, "K\t{}\t{}", key.name(), key.value_type());
        }
        for of in service.resource_types() {
            let _ = write!(out, "R\t{}\t", of.name());
            join(&mut out, ",", of.arn_templates());
            out.push('\t');
            join(&mut out, ",", of.condition_keys().map(|key| key.name()));
            out.push('\n');
        }
        for action in service.actions() {
            let _ = write!(out, "A\t{}\t{}\t", action.name(), action.access_level());
            for (index, used) in action.resource_types().enumerate() {
                let comma = if index == 0 { "" } else { "," };
                let _ = write!(
                    out,
                    "{comma}{}{}",
                    used.name(),
                    if used.required() { "*" } else { "" }
                );
                let mut equals = "=";
                for key in used.condition_keys() {
                    let _ = write!(out, "{equals}{}", key.name());
                    equals = "|";
                }
            }
            out.push('\t');
            join(&mut out, ",", action.condition_keys().map(|key| key.name()));
            out.push('\t');
            join(&mut out, ",", action.dependent_actions());
            out.push('\n');
        }
    }
    out
}

fn join<'a>(out: &mut String, separator: &str, items: impl Iterator<Item = &'a str>) {
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push_str(separator);
        }
        out.push_str(item);
    }
}

/// The counts as the header names them.
fn counts(meta: &Meta) -> [(&'static str, usize); 4] {
    [
        ("services", meta.services),
        ("actions", meta.actions),
        ("resource-types", meta.resource_types),
        ("condition-keys", meta.condition_keys),
    ]
}
