//! `IpAddress`: IPv4 and IPv6 addresses and CIDR ranges. A mixed family does not match (semantics rule 40).

use std::net::IpAddr;

use crate::syntax::template::Template;

/// Variables are not expanded here (semantics rule 31).
pub(super) fn contains(value: &str, wanted: &Template) -> bool {
    value
        .parse()
        .is_ok_and(|address| Range::parse(wanted.as_str()).is_some_and(|r| r.contains(address)))
}

/// A bare address or a CIDR range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The address as written; bits past the prefix are ignored.
    pub address: IpAddr,
    /// Length of the prefix in bits.
    pub prefix: u32,
}

impl Range {
    /// Reads `203.0.113.0/24`, `2001:db8::/32` or a bare address.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address.parse::<IpAddr>().ok()?, Some(prefix)),
            None => (text.parse::<IpAddr>().ok()?, None),
        };
        let width = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => width,
            Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().ok()?
            }
            Some(_) => return None,
        };
        (prefix <= width).then_some(Self { address, prefix })
    }

    /// Whether the address lies in the range.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let same = |a: u128, b: u128, width: u32| {
            let shift = width - self.prefix;
            shift >= 128 || (a >> shift) == (b >> shift)
        };
        match (self.address, address) {
            (IpAddr::V4(a), IpAddr::V4(b)) => same(u32::from(a).into(), u32::from(b).into(), 32),
            (IpAddr::V6(a), IpAddr::V6(b)) => same(u128::from(a), u128::from(b), 128),
            _ => false,
        }
    }
}
