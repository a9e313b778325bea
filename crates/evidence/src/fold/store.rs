//! A fold → bytes → the same fold: so that what was read once need not be read again.
//!
//! All is written as it lies in memory, by number; what can be worked out from the rest is not written.

use std::io;

use super::groups::Key;
use super::{Actor, Count, Fold, Mint, Single, Totals};
use crate::identity::IdentityType;
use crate::mint::Mechanism;
use crate::state::codec::{In, Out, damaged};
use crate::time::Window;

const KINDS: [IdentityType; 10] = [
    IdentityType::Root,
    IdentityType::IamUser,
    IdentityType::AssumedRole,
    IdentityType::FederatedUser,
    IdentityType::SamlUser,
    IdentityType::WebIdentityUser,
    IdentityType::IdentityCenterUser,
    IdentityType::AwsService,
    IdentityType::AwsAccount,
    IdentityType::Unknown,
];
const MECHANISMS: [Mechanism; 6] = [
    Mechanism::AssumeRole,
    Mechanism::AssumeRoleWithSAML,
    Mechanism::AssumeRoleWithWebIdentity,
    Mechanism::AssumeRoot,
    Mechanism::GetFederationToken,
    Mechanism::GetSessionToken,
];

/// The place of a value in a list that has them all.
fn place<T: PartialEq>(all: &[T], value: &T) -> io::Result<u8> {
    all.iter()
        .position(|one| one == value)
        .and_then(|at| u8::try_from(at).ok())
        .ok_or_else(|| damaged("a value that has no number"))
}

fn at<T: Copy>(all: &[T], place: u8) -> io::Result<T> {
    all.get(usize::from(place))
        .copied()
        .ok_or_else(|| damaged("a number that stands for nothing"))
}

impl Fold {
    /// The window.
    #[must_use]
    pub fn window(&self) -> Window {
        self.window
    }

    /// The same up to another end: what an open window is called when it is shown.
    #[must_use]
    pub(crate) fn until(mut self, until: crate::time::Time) -> Self {
        self.window.until = until;
        self
    }

    /// Writes everything, of a fold that is settled.
    pub(crate) fn write(&self, out: &mut Out<'_>) -> io::Result<()> {
        out.time(self.window.since)?;
        out.time(self.window.until)?;
        let Totals {
            records,
            duplicates,
            copies,
            outside_window,
            addenda,
        } = self.totals;
        for total in [records, duplicates, copies, outside_window, addenda] {
            out.long(total)?;
        }
        out.long(self.texts.len() as u64)?;
        for number in 0..self.texts.len() {
            out.text(self.texts.get(u32::try_from(number).unwrap_or(u32::MAX)))?;
        }
        out.long(self.actors.iter().len() as u64)?;
        self.actors.iter().try_for_each(|actor| write_actor(actor, out))?;
        out.long(self.calls.iter().len() as u64)?;
        for (source, name) in self.calls.iter() {
            out.number(*source)?;
            out.number(*name)?;
        }
        out.long(self.lists.iter().len() as u64)?;
        for list in self.lists.iter() {
            out.long(list.len() as u64)?;
            list.iter().try_for_each(|number| out.number(*number))?;
        }
        out.long(self.groups.len() as u64)?;
        for (key, count) in self.groups.iter() {
            for number in [key.actor, key.call, key.resource, key.detail, count.address] {
                out.number(number)?;
            }
            out.long(count.count)?;
            out.time(count.first)?;
            out.time(count.last)?;
            out.id(count.event)?;
        }
        out.long(self.seen.len())?;
        self.seen.each(|id, group| {
            out.id(id)?;
            out.number(group)
        })?;
        for singles in [&self.shared, &self.addenda] {
            out.long(singles.len() as u64)?;
            singles.iter().try_for_each(|one| write_single(one, out))?;
        }
        out.long(self.mints.len() as u64)?;
        for mint in self.mints.values() {
            out.id(mint.event)?;
            out.time(mint.time)?;
            out.byte(place(&MECHANISMS, &mint.mechanism)?)?;
            for number in [mint.key, mint.session, mint.role, mint.actor] {
                out.number(number)?;
            }
        }
        out.long(self.names.len() as u64)?;
        for (id, arn) in &self.names {
            out.number(*id)?;
            out.number(*arn)?;
        }
        out.long(self.visible.len() as u64)?;
        for ((account, source, data, read_only), (first, last)) in &self.visible {
            out.number(*account)?;
            out.number(*source)?;
            out.byte(u8::from(*data))?;
            out.byte(u8::from(*read_only))?;
            out.time(*first)?;
            out.time(*last)?;
        }
        Ok(())
    }

    /// Reads what was written.
    pub(crate) fn read(from: &mut In<'_>) -> io::Result<Self> {
        let mut fold = Self::new(Window {
            since: from.time()?,
            until: from.time()?,
        });
        fold.totals = Totals {
            records: from.long()?,
            duplicates: from.long()?,
            copies: from.long()?,
            outside_window: from.long()?,
            addenda: from.long()?,
        };
        let in_order = |given: u32, wanted: u64| {
            if u64::from(given) == wanted {
                return Ok(());
            }
            Err(damaged("one thing is there twice"))
        };
        let mut next = 0;
        from.each(|from| {
            let number = fold.texts.add(&from.text()?);
            next += 1;
            in_order(number, next - 1)
        })?;
        let mut next = 0;
        from.each(|from| {
            let number = fold.actors.add(read_actor(from)?);
            next += 1;
            in_order(number, next - 1)
        })?;
        let mut next = 0;
        from.each(|from| {
            let number = fold.calls.add((from.number()?, from.number()?));
            next += 1;
            in_order(number, next - 1)
        })?;
        let mut next = 0;
        from.each(|from| {
            let mut list = Vec::new();
            from.each(|from| {
                list.push(from.number()?);
                Ok(())
            })?;
            let number = fold.lists.add(list.into());
            next += 1;
            in_order(number, next - 1)
        })?;
        let mut next = 0;
        from.each(|from| {
            let key = Key {
                actor: from.number()?,
                call: from.number()?,
                resource: from.number()?,
                detail: from.number()?,
            };
            let count = Count {
                address: from.number()?,
                count: from.long()?,
                first: from.time()?,
                last: from.time()?,
                event: from.id()?,
            };
            let number = fold.groups.add(key, &count);
            next += 1;
            in_order(number, next - 1)
        })?;
        from.each(|from| {
            let (id, group) = (from.id()?, from.number()?);
            fold.seen.put(id, || group);
            Ok(())
        })?;
        from.each(|from| {
            fold.shared.push(read_single(from)?);
            Ok(())
        })?;
        from.each(|from| {
            fold.addenda.push(read_single(from)?);
            Ok(())
        })?;
        from.each(|from| {
            let mint = Mint {
                event: from.id()?,
                time: from.time()?,
                mechanism: at(&MECHANISMS, from.byte()?)?,
                key: from.number()?,
                session: from.number()?,
                role: from.number()?,
                actor: from.number()?,
            };
            fold.mints.insert(mint.event, mint);
            Ok(())
        })?;
        from.each(|from| {
            fold.names.insert(from.number()?, from.number()?);
            Ok(())
        })?;
        from.each(|from| {
            let key = (from.number()?, from.number()?, from.flag()?, from.flag()?);
            fold.visible.insert(key, (from.time()?, from.time()?));
            Ok(())
        })?;
        Ok(fold)
    }
}

fn write_actor(actor: &Actor, out: &mut Out<'_>) -> io::Result<()> {
    out.byte(place(&KINDS, &actor.kind)?)?;
    out.byte(u8::from(actor.console))?;
    out.byte(u8::from(actor.assumed_root))?;
    for number in [
        actor.principal_id,
        actor.arn,
        actor.issuer,
        actor.account,
        actor.key,
        actor.user_name,
        actor.provider,
        actor.service,
        actor.source_identity,
        actor.person,
    ] {
        out.number(number)?;
    }
    out.time(actor.created)
}

fn read_actor(from: &mut In<'_>) -> io::Result<Actor> {
    Ok(Actor {
        kind: at(&KINDS, from.byte()?)?,
        console: from.flag()?,
        assumed_root: from.flag()?,
        principal_id: from.number()?,
        arn: from.number()?,
        issuer: from.number()?,
        account: from.number()?,
        key: from.number()?,
        user_name: from.number()?,
        provider: from.number()?,
        service: from.number()?,
        source_identity: from.number()?,
        person: from.number()?,
        created: from.time()?,
    })
}

fn write_single(one: &Single, out: &mut Out<'_>) -> io::Result<()> {
    out.id(one.event)?;
    out.id(one.other)?;
    for number in [one.actor, one.call, one.detail, one.resource, one.address] {
        out.number(number)?;
    }
    out.time(one.time)
}

fn read_single(from: &mut In<'_>) -> io::Result<Single> {
    Ok(Single {
        event: from.id()?,
        other: from.id()?,
        actor: from.number()?,
        call: from.number()?,
        detail: from.number()?,
        resource: from.number()?,
        address: from.number()?,
        time: from.time()?,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    /// Ids that went to a file are written with the others.
    #[test]
    fn what_is_written_is_read_again_wherever_its_ids_were() {
        let text = |number: usize| {
            format!(
                r#"{{"Records":[{{"eventVersion":"1.08","eventTime":"2026-11-10T00:00:00Z","eventID":"{:08x}-0000-4000-8000-000000000000",
                "eventSource":"s3.amazonaws.com","eventName":"GetObject","recipientAccountId":"111111111111",
                "userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::111111111111:user/u{}","principalId":"AIDA{0}","accountId":"111111111111"}}}}]}}"#,
                number * 7_919,
                number % 3,
            )
        };
        let fill = |mut fold: Fold| {
            for number in (0..50).chain(20..40) {
                for event in crate::document::read(text(number).as_bytes()).unwrap().events {
                    fold.add(&event);
                }
            }
            fold.settle().unwrap();
            fold
        };
        let read = |fold: &Fold| {
            let mut bytes = Vec::new();
            fold.write(&mut Out(&mut bytes)).unwrap();
            let evidence = Fold::read(&mut In(&mut bytes.as_slice())).unwrap().finish();
            let mut uses: Vec<String> = evidence.uses().map(|one| format!("{one:?}")).collect();
            uses.sort();
            (evidence.totals(), uses)
        };
        let whole = read(&fill(Fold::new(Window::ALL)));
        assert_eq!((whole.0.duplicates, whole.1.len()), (20, 3), "{:?}", whole.1);
        assert_eq!(read(&fill(Fold::with_room(Window::ALL, 6))), whole);
    }
}
