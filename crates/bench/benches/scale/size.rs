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
