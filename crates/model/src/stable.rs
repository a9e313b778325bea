//! Names that stay: the same parts give the same name in any snapshot and any version of sv0.

/// `prefix-` and sixteen hexadecimal digits: FNV-1a over the parts, each ended by a zero byte.
pub fn id<'a>(prefix: &str, parts: impl IntoIterator<Item = &'a str>) -> String {
    let bytes = parts.into_iter().flat_map(|part| part.bytes().chain([0]));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{prefix}-{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::id;

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(id("x", ["ab", "c"]), id("x", ["a", "bc"]));
        assert_eq!(id("x", ["ab", "c"]), id("x", ["ab", "c"]));
    }

    #[test]
    fn names_do_not_change_between_versions() {
        assert_eq!(id("path", ["a"]), "path-089be207b544f1e4");
    }
}
