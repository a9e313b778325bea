//! The end of an aggregation: copies of one call become one, corrections take the place of what they correct, and every
//! session gets its origin.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Actor, Fold, Single};
use crate::evidence::{Evidence, Row, Visible};
use crate::id::EventId;
use crate::identity::IdentityType;
use crate::intern::Texts;
use crate::resolve::{Mints, Resolver, Session, SessionKey};
use crate::time::Time;

impl Fold {
    /// What comes out. Where the file of ids cannot be read, what came again counts twice: [`crate::state::State::reading`]
    /// tells of that.
    #[must_use]
    pub fn finish(mut self) -> Evidence {
        let _ = self.settle();
        // Of the ids only those of corrected events are looked for from here on.
        let wanted = self.addenda.iter().map(|one| one.other).collect();
        self.seen = self.seen.only(&wanted).unwrap_or_default();
        self.settle_shared(&wanted);
        self.settle_addenda();
        // What only the aggregation needed makes room.
        self.seen = super::Ids::default();
        self.known = FxHashMap::default();

        let mints = Mints::new(std::mem::take(&mut self.mints).into_values(), |at| {
            self.actors.get(at).copied()
        });
        let (mut sessions, of_actor) = self.sessions(&mints);
        let accounts: FxHashSet<u32> = self.visible.keys().map(|(account, ..)| *account).collect();
        let first = self
            .visible
            .values()
            .map(|(first, _)| *first)
            .min()
            .unwrap_or(Time::MIN);
        let first = mints.all.first().map_or(first, |mint| first.min(mint.time));
        let origins = Resolver {
            texts: &self.texts,
            mints: &mints,
            of_actor: &of_actor,
            names: &self.names,
            accounts: &accounts,
            first,
        }
        .run(&mut sessions);

        let rows = self.rows(&of_actor);
        let visible = self
            .visible
            .iter()
            .map(|((account, source, data, read_only), (first, last))| Visible {
                account: self.texts.get(*account).to_owned(),
                source: self.texts.get(*source).to_owned(),
                data: *data,
                read_only: *read_only,
                first: *first,
                last: *last,
            })
            .collect();
        let calls = self.calls.iter().copied().collect();
        Evidence::new(
            self.window,
            self.totals,
            self.texts,
            calls,
            sessions,
            origins,
            mints.all,
            of_actor,
            rows,
            visible,
        )
    }

    /// Groups → counts by session: actors of one session differ in what does not matter here.
    fn rows(&mut self, of_actor: &[u32]) -> Vec<Row> {
        let groups = std::mem::take(&mut self.groups);
        let mut rows: Vec<Row> = Vec::with_capacity(groups.len());
        rows.extend(
            groups
                .into_all()
                .filter(|(_, count)| count.count > 0)
                .map(|(key, count)| Row {
                    session: of_actor.get(key.actor as usize).copied().unwrap_or(0),
                    call: key.call,
                    resource: key.resource,
                    detail: key.detail,
                    count,
                }),
        );
        rows.sort_unstable_by_key(Row::group);
        rows.dedup_by(|next, row| {
            let same = next.group() == row.group();
            if same {
                row.count.add(&next.count);
            }
            same
        });
        rows
    }

    /// Copies of one call in several accounts: the caller's says who, the owner's on what. Only copies that are here are
    /// put together; mostly the second one is in an account of AWS.
    fn settle_shared(&mut self, wanted: &FxHashSet<EventId>) {
        let mut all = std::mem::take(&mut self.shared);
        let actors = &self.actors;
        let owners = |one: &Single| {
            actors
                .get(one.actor)
                .is_none_or(|actor| actor.kind == IdentityType::AwsAccount)
        };
        all.sort_unstable_by_key(|one| (one.other, owners(one), one.event));
        let any = self.texts.add("*");
        let mut rest = all.as_slice();
        while let Some(first) = rest.first() {
            let (copies, after) = rest.split_at(rest.partition_point(|one| one.other == first.other));
            rest = after;
            // Mostly the second one is elsewhere.
            if let [one] = copies
                && !wanted.contains(&one.event)
            {
                self.count(*one);
                continue;
            }
            // Ids that are shared by different calls are no copies.
            let mut calls: Vec<u32> = copies.iter().map(|one| one.call).collect();
            calls.sort_unstable();
            calls.dedup();
            for call in calls {
                let same = || copies.iter().filter(|one| one.call == call);
                let Some(mut one) = same().next().copied() else {
                    continue;
                };
                if one.resource == any
                    && let Some(better) = same().find(|other| other.resource != any)
                {
                    one.resource = better.resource;
                }
                let at = self.count(one);
                for copy in same().filter(|copy| wanted.contains(&copy.event)) {
                    self.seen.find_or_put(copy.event, || at);
                }
            }
        }
    }

    /// Corrections. The event that is corrected keeps its place in the first and last time of its group, which are its own.
    fn settle_addenda(&mut self) {
        let mut all = std::mem::take(&mut self.addenda);
        all.sort_by_key(|one| (one.other, one.event));
        all.dedup_by_key(|one| one.other);
        for one in all {
            let old = self.seen.find(one.other);
            let at = self.count(Single {
                event: one.other,
                ..one
            });
            match old {
                Some(old) => {
                    for group in self.groups_of(old) {
                        self.groups.take_one(group);
                    }
                }
                None => {
                    self.seen.find_or_put(one.other, || at);
                }
            }
        }
    }

    /// Actors → sessions: records of one session differ in what a session does not hang on.
    fn sessions(&mut self, mints: &Mints) -> (Vec<Session>, Vec<u32>) {
        let mut sessions: Vec<Session> = Vec::new();
        let mut numbers: FxHashMap<SessionKey, u32> = FxHashMap::default();
        let mut of_actor = Vec::new();
        let actors: Vec<Actor> = self.actors.iter().copied().collect();
        for actor in actors {
            let principal = principal(&actor, &mut self.texts, &self.names);
            let chained = actor.has_parent();
            let key = SessionKey {
                kind: actor.kind,
                principal,
                principal_id: if chained { actor.principal_id } else { 0 },
                // A key that no call gave out is one of many that the console or Identity Center made for one session.
                key: if !chained || mints.has_key(actor.key) {
                    actor.key
                } else {
                    0
                },
                created: actor.created,
                subject: match actor.kind {
                    IdentityType::AwsAccount => actor.principal_id,
                    // Several users of an account can hand out sessions of one name.
                    IdentityType::FederatedUser => actor.issuer,
                    _ => actor.user_name,
                },
                provider: actor.provider,
                account: if actor.kind == IdentityType::AwsService {
                    actor.account
                } else {
                    0
                },
            };
            let number = *numbers.entry(key).or_insert_with(|| {
                sessions.push(Session {
                    key,
                    actor,
                    person: 0,
                    source_identity: 0,
                    parent: None,
                    origin: 0,
                });
                u32::try_from(sessions.len() - 1).unwrap_or(u32::MAX)
            });
            if let Some(session) = sessions.get_mut(number as usize) {
                let lesser = |old: u32, new: u32, texts: &Texts| {
                    if old == 0 || new != 0 && texts.get(new) < texts.get(old) {
                        new
                    } else {
                        old
                    }
                };
                session.person = lesser(session.person, actor.person, &self.texts);
                session.source_identity = lesser(session.source_identity, actor.source_identity, &self.texts);
                if session.actor.issuer == 0 {
                    session.actor.issuer = actor.issuer;
                }
            }
            of_actor.push(number);
        }
        (sessions, of_actor)
    }
}

/// What people call the caller: the role's ARN for a session, because the session's has lost the role's path.
fn principal(actor: &Actor, texts: &mut Texts, names: &FxHashMap<u32, u32>) -> u32 {
    let learned = |texts: &Texts| {
        let id = texts
            .get(actor.principal_id)
            .split(':')
            .next()
            .unwrap_or_default();
        texts.find(id).and_then(|id| names.get(&id)).copied()
    };
    match actor.kind {
        IdentityType::AssumedRole if actor.issuer != 0 => actor.issuer,
        IdentityType::AssumedRole => learned(texts).unwrap_or(actor.arn),
        IdentityType::AwsService => actor.service,
        IdentityType::SamlUser | IdentityType::WebIdentityUser => actor.user_name,
        IdentityType::IdentityCenterUser => actor.person,
        IdentityType::AwsAccount => learned(texts).unwrap_or_else(|| {
            let (account, id) = (texts.get(actor.account), texts.get(actor.principal_id));
            let name = match (account, id) {
                ("anonymous", _) => "anonymous".to_owned(),
                (account, "") => account.to_owned(),
                (account, id) => format!("{account}:{id}"),
            };
            texts.add(&name)
        }),
        _ if actor.arn != 0 => actor.arn,
        _ => actor.principal_id,
    }
}
