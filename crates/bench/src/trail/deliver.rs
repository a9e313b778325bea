//! Records → the objects that they are delivered in, and what lies beside them.
#![expect(
    clippy::indexing_slicing,
    reason = "texts of a known shape, made here; a wrong one fails the tests of the generator"
)]

use serde_json::{Value, json};

use super::Object;
use super::lake::{DAY, Lake, Maker, START, moment};
use crate::names::{self, REGIONS};

/// Records in one object.
const PER_OBJECT: usize = 120;

impl Maker {
    /// Cuts the records into objects, each of one account, region and day.
    pub(super) fn deliver(mut self) -> Lake {
        self.truth.records = self.records.len() as u64;
        let mut records = std::mem::take(&mut self.records);
        records.sort_by(|a, b| (&a.account, a.region, a.delivered).cmp(&(&b.account, b.region, b.delivered)));
        let mut objects = Vec::new();
        let mut rest = records.as_slice();
        while let Some(first) = rest.first() {
            let same = rest
                .iter()
                .take(PER_OBJECT)
                .take_while(|one| {
                    one.account == first.account && one.delivered / DAY == first.delivered / DAY
                })
                .count();
            let (mine, after) = rest.split_at(same);
            rest = after;
            let name = self.name(
                &first.account,
                "CloudTrail",
                mine.last().map_or(0, |one| one.delivered),
            );
            // Within an object there is no order.
            let mut values: Vec<&Value> = mine.iter().map(|one| &one.value).collect();
            for at in (1..values.len()).rev() {
                values.swap(at, self.rng.below(at + 1));
            }
            objects.push(Object {
                name,
                text: json!({"Records": values}).to_string().into_bytes(),
            });
        }
        self.noise(&mut objects);
        Lake {
            objects,
            truth: self.truth,
        }
    }

    fn name(&mut self, account: &str, kind: &str, delivered: u32) -> String {
        let at = moment(delivered / 300 * 300 + 300);
        let (date, time) = at.split_at(10);
        let stamp = format!("{}T{}Z", date.replace('-', ""), time[1..6].replace(':', ""));
        let (day, end) = (date.replace('-', "/"), self.rng.hex(16));
        let region = REGIONS[0];
        format!(
            "AWSLogs/o-bench00001/{account}/{kind}/{region}/{day}/{account}_{kind}_{region}_{stamp}_{end}.json"
        )
    }

    /// What lies beside log files, and what damage looks like. The damaged ones hold nothing that is not elsewhere.
    fn noise(&mut self, objects: &mut Vec<Object>) {
        let account = names::account(0);
        for kind in ["CloudTrail-Digest", "CloudTrail-Insight", "CloudTrail-Aggregated"] {
            let name = self.name(&account, kind, START + DAY);
            objects.push(Object {
                name,
                text: br#"{"Records":[{"eventID":"x"}]}"#.to_vec(),
            });
        }
        let whole = objects
            .first()
            .map(|object| object.text.clone())
            .unwrap_or_default();
        for text in [
            whole[..whole.len() * 3 / 5].to_vec(),
            b"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>".to_vec(),
            Vec::new(),
            b"{\"logFiles\":[]}".to_vec(),
        ] {
            let name = self.name(&account, "CloudTrail", START + DAY);
            self.truth.damaged.insert(name.clone());
            objects.push(Object { name, text });
        }
        let name = self.name(&account, "CloudTrail", START + 2 * DAY);
        objects.push(Object {
            name,
            text: br#"{"Records":[]}"#.to_vec(),
        });
    }
}
