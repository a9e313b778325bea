//! Answers that were given before. The snapshot does not change, so neither do they.

use axum::body::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// As the header has it.
    pub(crate) etag: String,
    pub(crate) media: &'static str,
    /// The file's name, for files.
    pub(crate) file: Option<String>,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn new(media: &'static str, file: Option<String>, body: Vec<u8>) -> Self {
        let digest = Sha256::digest(&body);
        let short: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        Self {
            // Weak: compression makes other bytes of it.
            etag: format!("W/\"{short}\""),
            media,
            file,
            body: body.into(),
        }
    }
}

#[derive(Debug, Clone)]
struct Weight;

impl Weighter<String, Answer> for Weight {
    fn weight(&self, key: &String, answer: &Answer) -> u64 {
        (key.len() + answer.body.len() + 200) as u64
    }
}

/// Answers by what was asked.
#[derive(Debug)]
pub(crate) struct Kept(Cache<String, Answer, Weight>);

impl Kept {
    /// Keeps so many bytes of answers.
    pub(crate) fn new(bytes: u64) -> Self {
        Self(Cache::with_weighter(4_096, bytes, Weight))
    }

    pub(crate) fn get(&self, key: &str) -> Option<Answer> {
        self.0.get(key)
    }

    pub(crate) fn put(&self, key: String, answer: Answer) {
        self.0.insert(key, answer);
    }
}
