//! Organisations of a number of roles.

use sv0_bench::{Preset, Size};

/// The organisation of [`Preset::Xl`], larger or smaller.
pub(crate) fn of(roles: usize) -> Size {
    let xl = Preset::Xl.size();
    let part = |count: usize| (count * roles / xl.roles).max(1);
    Size {
        accounts: part(xl.accounts),
        roles,
        users: part(xl.users),
        policies: part(xl.policies),
        buckets: part(xl.buckets),
        tables: part(xl.tables),
        secrets: part(xl.secrets),
        queues: part(xl.queues),
        topics: part(xl.topics),
        keys: part(xl.keys),
        functions: part(xl.functions),
        instances: part(xl.instances),
        tasks: part(xl.tasks),
    }
}

/// The same; `0` stands for a million principals and a million resources and workloads.
#[allow(dead_code, reason = "not every bench asks for it")]
pub(crate) fn named(roles: usize) -> Size {
    if roles > 0 {
        return of(roles);
    }
    let xl = Preset::Xl.size();
    // Of 174,000 entities of the preset, 69,000 are no principals.
    let part = |count: usize| count * 1_000_000 / 69_000;
    Size {
        roles: 952_000,
        users: 48_000,
        accounts: xl.accounts * 10,
        ..Size {
            policies: part(xl.policies),
            buckets: part(xl.buckets),
            tables: part(xl.tables),
            secrets: part(xl.secrets),
            queues: part(xl.queues),
            topics: part(xl.topics),
            keys: part(xl.keys),
            functions: part(xl.functions),
            instances: part(xl.instances),
            tasks: part(xl.tasks),
            ..xl
        }
    }
}
