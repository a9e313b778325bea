//! Bytes of an object → its text: gzip in one or several members, or plain.
//!
//! libdeflate inflates a whole member at once, several times as fast as a stream. It needs to know how long the result
//! is, which a gzip file of one member says in its last four bytes (RFC 1952, ISIZE), and it stops after one member. So
//! a file that may have several goes through flate2, which reads them all.

use std::io::Read;

use crate::problem::ProblemKind;

/// No object of CloudTrail is as large: AWS ends one at 50 MB compressed. What would be larger is taken for a bomb.
const MOST: usize = 1 << 30;
/// DEFLATE cannot do better than 1032 to 1, so a length beyond that is a lie.
const RATIO: usize = 1_032;
/// A buffer that one large object has blown up is not kept.
const KEEP: usize = 32 << 20;

/// Inflates objects one after another, into one buffer.
pub struct Inflater {
    deflate: libdeflater::Decompressor,
    buffer: Vec<u8>,
}

impl Default for Inflater {
    fn default() -> Self {
        Self {
            deflate: libdeflater::Decompressor::new(),
            buffer: Vec::new(),
        }
    }
}

/// Why there is no text.
pub type Damage = (ProblemKind, String);

impl Inflater {
    /// The text of an object; what is not gzip is its own text.
    pub fn text<'a>(&'a mut self, bytes: &'a [u8]) -> Result<&'a [u8], Damage> {
        if bytes.is_empty() {
            return Err((ProblemKind::Empty, "the object has no bytes".into()));
        }
        if !bytes.starts_with(b"\x1f\x8b") {
            return Ok(bytes);
        }
        if self.buffer.len() > KEEP {
            self.buffer = Vec::new();
        }
        if let Some(length) = stated_length(bytes)
            && !may_have_more_members(bytes)
        {
            if self.buffer.len() < length {
                self.buffer.resize(length, 0);
            }
            let room = self.buffer.get_mut(..length).unwrap_or_default();
            if self.deflate.gzip_decompress(bytes, room) == Ok(length) {
                return Ok(self.buffer.get(..length).unwrap_or_default());
            }
        }
        self.stream(bytes)
    }

    /// Member by member, or to the words for what is wrong.
    fn stream(&mut self, bytes: &[u8]) -> Result<&[u8], Damage> {
        self.buffer.clear();
        let mut stream = flate2::read::MultiGzDecoder::new(bytes).take(MOST as u64 + 1);
        match stream.read_to_end(&mut self.buffer) {
            Ok(length) if length > MOST => {
                self.buffer = Vec::new();
                Err((ProblemKind::TooLarge, format!("more than {MOST} bytes")))
            }
            Ok(_) => Ok(&self.buffer),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Err((
                ProblemKind::Gzip,
                format!("the gzip ends early, after {} bytes of text", self.buffer.len()),
            )),
            Err(error) => Err((ProblemKind::Gzip, format!("the gzip is damaged: {error}"))),
        }
    }
}

/// How long the text is, as the last member says; none where that cannot be.
fn stated_length(bytes: &[u8]) -> Option<usize> {
    let length = u32::from_le_bytes(*bytes.last_chunk()?) as usize;
    (length <= MOST && length <= bytes.len().saturating_mul(RATIO)).then_some(length)
}

/// Whether a second member could begin anywhere: its first three bytes are always these. By chance they stand in one of
/// some 16 million bytes, which costs time and nothing else.
fn may_have_more_members(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes.get(1..).unwrap_or_default(), b"\x1f\x8b\x08").is_some()
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "a test fails by panicking"
    )]
    use super::*;
    use std::io::Write;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        out.write_all(text).unwrap();
        out.finish().unwrap()
    }

    #[test]
    fn plain_text_one_member_and_several_give_the_same() {
        let text = b"{\"Records\":[]}".repeat(100);
        let half = text.len() / 2;
        let mut inflater = Inflater::default();
        for bytes in [
            text.clone(),
            gzip(&text),
            [gzip(&text[..half]), gzip(&text[half..])].concat(),
            [gzip(&text[..7]), gzip(b""), gzip(&text[7..])].concat(),
        ] {
            assert_eq!(inflater.text(&bytes).unwrap(), text);
        }
    }

    #[test]
    fn damage_is_named() {
        let whole = gzip(&b"some text that is long enough to be cut in the middle of it".repeat(9));
        let mut flipped = whole.clone();
        let middle = whole.len() / 2;
        flipped[middle] ^= 0x5a;
        let mut inflater = Inflater::default();
        for (bytes, kind) in [
            (&whole[..whole.len() / 2], ProblemKind::Gzip),
            (&whole[..whole.len() - 1], ProblemKind::Gzip),
            (&flipped, ProblemKind::Gzip),
            (&[][..], ProblemKind::Empty),
            (b"\x1f\x8b", ProblemKind::Gzip),
        ] {
            assert_eq!(inflater.text(bytes).unwrap_err().0, kind);
        }
    }

    #[test]
    fn a_length_that_cannot_be_is_not_believed() {
        let mut lie = gzip(b"x");
        let at = lie.len() - 1;
        lie[at] = 0xff;
        assert_eq!(stated_length(&lie), None);
        assert_eq!(Inflater::default().text(&lie).unwrap_err().0, ProblemKind::Gzip);
    }
}
