//! From the command line to the evidence in CloudTrail's records.

mod places;
mod read;

use sv0_evidence::Reading;
use sv0_evidence::join::Joined;
use sv0_evidence::visible::Sights;
use sv0_model::path::Path;
use sv0_model::record::Record;

use crate::load::Model;
pub(crate) use read::{is_there, read};

/// 2 where part of what was named could not be read.
pub(crate) fn exit_code(reading: &Reading) -> u8 {
    if reading.problems.is_empty() { 0 } else { 2 }
}

/// What the records could have shown, as they themselves and the configuration tell.
pub(crate) fn sights(reading: &Reading, model: Option<&Model>) -> Sights {
    let records: Vec<&Record> = model.map_or_else(Vec::new, |model| {
        model.world.graph.nodes().map(|(_, node)| &node.record).collect()
    });
    Sights::new(&reading.evidence, records)
}

/// Fills in what was seen of paths.
pub(crate) fn annotate(reading: &Reading, model: &Model, paths: &mut [Path]) {
    let sights = sights(reading, Some(model));
    let joined = Joined::new(&reading.evidence, &sights);
    for path in paths {
        joined.annotate(path);
    }
}
