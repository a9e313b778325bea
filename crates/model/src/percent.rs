//! Percent-encoding (RFC 3986), in which IAM gives some policy documents and others plain. Not URLs: no `+` for a blank.

/// Undoes percent-encoding; what is no encoded byte, or makes no UTF-8, stays as it is.
#[must_use]
pub fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match hex(rest.clone()).filter(|_| byte == b'%') {
            Some(value) => {
                bytes.push(value);
                rest.next();
                rest.next();
            }
            None => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// The byte that the next two characters stand for, if they are hexadecimal digits.
fn hex(mut ahead: std::str::Bytes<'_>) -> Option<u8> {
    let (high, low) = (
        char::from(ahead.next()?).to_digit(16)?,
        char::from(ahead.next()?).to_digit(16)?,
    );
    u8::try_from(high * 16 + low).ok()
}

/// A policy document, decoded where it is encoded: one that starts with `{` is not.
#[must_use]
pub fn decode_policy(text: String) -> String {
    if text.trim_start().starts_with('%') {
        decode(&text)
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent() {
        assert_eq!(decode("%7B%22a%22%3A%20%22%C3%A9%22%7D"), "{\"a\": \"é\"}");
        assert_eq!(decode("%7B%2"), "{%2");
        assert_eq!(decode("a%2fb"), "a/b");
        assert_eq!(decode("a%ff"), "a%ff");
    }

    #[test]
    fn policies_come_encoded_and_plain() {
        assert_eq!(decode_policy("{\"a\":\"100%25\"}".into()), "{\"a\":\"100%25\"}");
        assert_eq!(decode_policy("%7B%7D".into()), "{}");
    }
}
