//! Trying values: whether there are some that all hops of a chain can live with, and which hops contradict each other where
//! there are none.

use sv0_model::path::{BlockedBy, PathVerdict};

use super::asking::Said;
use super::hop::{Gives, Hop};
use super::session::{Session, Tag};
use super::{Chain, Choice, Joined, Shared};

/// Questions that are asked for one chain at most.
const MOST: usize = 400;

/// Tries values, and takes down what comes of it; nothing where there are too many.
pub(super) fn run(chain: &Chain<'_, '_>, shared: &Shared, out: &mut Joined) {
    let choices: Vec<Vec<Choice>> = (0..chain.hops.len())
        .map(|at| choices(chain, shared, at))
        .collect();
    if choices.iter().any(|choices| choices.len() > MOST) {
        return;
    }
    let mut trial = Trial {
        chain,
        shared,
        choices,
        tally: vec![Tally::default(); chain.hops.len()],
        asked: 0,
        reached: false,
    };
    trial.visit(0, &chain.start);
    if trial.asked < MOST {
        trial.conclude(out);
    }
}

/// How a hop came out over all values that the hops before it leave.
#[derive(Debug, Clone, Default)]
struct Tally {
    said: Vec<Said>,
    refused: bool,
    by: Option<usize>,
}

/// Trying values.
struct Trial<'c, 'a, 'w> {
    chain: &'c Chain<'a, 'w>,
    shared: &'c Shared,
    /// By hop.
    choices: Vec<Vec<Choice>>,
    tally: Vec<Tally>,
    asked: usize,
    reached: bool,
}

impl Trial<'_, '_, '_> {
    fn visit(&mut self, at: usize, session: &Session) {
        let Some(hop) = self.chain.hops.get(at) else {
            self.reached = true;
            return;
        };
        for choice in self.choices.get(at).cloned().unwrap_or_default() {
            if self.asked >= MOST {
                return;
            }
            let next = self.chain.next(at, session, &choice);
            let said = next.is_some().then(|| {
                self.asked += 1;
                hop.ask(self.chain.world, session, &choice)
            });
            let possible = said
                .as_ref()
                .is_some_and(|said| said.verdict != PathVerdict::Denied);
            if let Some(tally) = self.tally.get_mut(at) {
                tally.by = session.by;
                tally.refused |= !possible;
                tally.said.extend(said.filter(|_| possible));
            }
            if let Some(next) = next.filter(|_| possible) {
                self.visit(at + 1, &next);
            }
        }
    }

    /// Takes down what came out.
    fn conclude(self, out: &mut Joined) {
        if !self.reached {
            let visited = |tally: &Tally| tally.refused || !tally.said.is_empty();
            let Some(at) = self.tally.iter().rposition(visited) else {
                return;
            };
            let by = self.tally.get(at).and_then(|tally| tally.by);
            if let Some(hop) = self.chain.hops.get(at) {
                out.block(at, hop, self.contradiction(at, by));
            }
            return;
        }
        for ((hop, tally), slot) in self.chain.hops.iter().zip(&self.tally).zip(&mut out.hops) {
            // Where something is chosen, the conditions say what.
            if tally.said.is_empty() || tally.refused || matches!(hop.gives, Gives::Assumed(_)) {
                continue;
            }
            if tally.said.iter().all(|said| said.verdict == PathVerdict::Allowed)
                && let Some(said) = tally.said.first()
            {
                *slot = hop.changed(said.clone());
            }
        }
    }

    /// Which hops ask for different things, and of what.
    fn contradiction(&self, at: usize, by: Option<usize>) -> BlockedBy {
        let hops = &self.chain.hops;
        let text = |at: usize| hops.get(at).map_or("", |hop| hop.text.as_str());
        let asks = |key: &str| {
            hops.get(at)
                .is_some_and(|hop| hop.conditions().any(|c| &*c.key == key))
        };
        let tag = self
            .shared
            .tags
            .keys()
            .flat_map(|name| {
                [
                    format!("aws:principaltag/{name}"),
                    format!("aws:requesttag/{name}"),
                ]
            })
            .find(|key| asks(key));
        // A hop that does not ask for a source identity may still not let one be handed on.
        let handed = self.shared.source_identity.is_some()
            && !asks("aws:sourceidentity")
            && hops
                .get(at)
                .is_some_and(|hop| matches!(hop.gives, Gives::Assumed(_)));
        let key = tag.unwrap_or_else(|| {
            let found = ["aws:sourceidentity", "aws:userid"]
                .into_iter()
                .find(|key| asks(key));
            let rest = if handed {
                "sts:setsourceidentity"
            } else {
                "the role session's name"
            };
            found.unwrap_or(rest).to_owned()
        });
        // The nearest hop before that has a say in it; else the one that gave out the credentials.
        let name = key
            .split_once('/')
            .map(|(_, name)| format!("aws:requesttag/{name}"));
        let says = |hop: &Hop<'_, '_>| {
            hop.conditions().any(|c| {
                let here = &*c.key;
                Some(here) == name.as_deref()
                    || here == key
                    || (here == "sts:sourceidentity" && key.ends_with("sourceidentity"))
                    || (here == "sts:rolesessionname" && name.is_none())
            })
        };
        let other = (0..at).rev().find(|at| hops.get(*at).is_some_and(says)).or(by);
        let spelled = match key.as_str() {
            "sts:setsourceidentity" => {
                "sts:SetSourceIdentity is needed to hand on a source identity".to_owned()
            }
            key => sv0_engine::keys::spelled(key),
        };
        let asked = hops
            .get(at)
            .and_then(|hop| hop.asked_of(&key))
            .map_or(String::new(), |asked| format!(", if {asked}"));
        let with = other.map_or(String::new(), |other| {
            let first = hops.get(other).and_then(|hop| hop.asked_of(""));
            let first = first.map_or(String::new(), |first| format!(", if {first}"));
            format!("; but “{}”{first}", text(other))
        });
        self.chain.block(
            at,
            format!("{}{asked}{with}: no session meets both ({spelled})", text(at)),
        )
    }
}

/// What the caller may choose at a hop.
fn choices(chain: &Chain<'_, '_>, shared: &Shared, at: usize) -> Vec<Choice> {
    let mut out = vec![Choice::default()];
    let hops = &chain.hops;
    if !hops
        .get(at)
        .is_some_and(|hop| matches!(hop.gives, Gives::Assumed(_)))
    {
        return out;
    }
    let again = hops
        .iter()
        .skip(at + 1)
        .any(|hop| matches!(hop.gives, Gives::Assumed(_)));
    for (name, values) in &shared.tags {
        let mut tags = vec![None];
        for value in values {
            let tag = |transitive| {
                Some(Tag {
                    value: Some(value.clone()),
                    transitive,
                    perhaps: false,
                })
            };
            tags.push(tag(false));
            tags.extend(again.then(|| tag(true)));
        }
        out = spread(&out, &tags, |choice, tag| {
            choice.tags.insert(name.clone(), tag.clone());
        });
    }
    if let Some(values) = &shared.source_identity {
        let set: Vec<Option<String>> = std::iter::once(None)
            .chain(values.iter().cloned().map(Some))
            .collect();
        out = spread(&out, &set, |choice, set| {
            choice.source_identity = Some(set.clone())
        });
    }
    if let Some(values) = &shared.name {
        out = spread(&out, values, |choice, name| choice.name = Some(name.clone()));
    }
    out
}

/// Each of the choices with each of the options.
fn spread<T>(choices: &[Choice], options: &[T], set: impl Fn(&mut Choice, &T)) -> Vec<Choice> {
    let pairs = choices
        .iter()
        .flat_map(|choice| options.iter().map(move |option| (choice, option)));
    pairs
        .map(|(choice, option)| {
            let mut choice = choice.clone();
            set(&mut choice, option);
            choice
        })
        .collect()
}
