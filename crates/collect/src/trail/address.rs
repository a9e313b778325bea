//! `s3://…`, `athena://…`, `sqs://…`: where CloudTrail's records are in AWS.

use super::athena::Table;

/// A place in AWS that has records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// `s3://bucket/prefix`: any prefix above or in CloudTrail's layout.
    S3 {
        /// The bucket.
        bucket: String,
        /// What the keys begin with; may be empty.
        prefix: String,
    },
    /// `athena://database.table?workgroup=…&output=s3://…`.
    Athena(Table),
    /// `sqs://QUEUE-URL`.
    Queue {
        /// The queue's URL.
        url: String,
    },
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and how it is to be written.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(rest) = text.strip_prefix("s3://") {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            // An access point's ARN stands where a bucket does; its last part is below a slash.
            if bucket.is_empty() || bucket.contains(['?', '#', ' ']) {
                return Err("write s3://BUCKET/PREFIX".into());
            }
            return Ok(Self::S3 {
                bucket: bucket.to_owned(),
                prefix: prefix.to_owned(),
            });
        }
        if let Some(rest) = text.strip_prefix("athena://") {
            return Table::parse(rest).map(Self::Athena);
        }
        if let Some(rest) = text.strip_prefix("sqs://") {
            let url = if rest.starts_with("https://") || rest.starts_with("http://") {
                rest.to_owned()
            } else {
                format!("https://{rest}")
            };
            // https://sqs.REGION.amazonaws.com/ACCOUNT/NAME
            if url.split('/').filter(|part| !part.is_empty()).count() != 4 {
                return Err(
                    "write sqs:// and the queue's URL: sqs://sqs.eu-west-1.amazonaws.com/111111111111/NAME"
                        .into(),
                );
            }
            return Ok(Self::Queue { url });
        }
        Err("write s3://BUCKET/PREFIX, athena://DATABASE.TABLE?workgroup=NAME or sqs://QUEUE-URL".into())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn addresses_are_read() {
        let s3 = |bucket: &str, prefix: &str| Address::S3 {
            bucket: bucket.into(),
            prefix: prefix.into(),
        };
        assert_eq!(Address::parse("s3://logs").unwrap(), s3("logs", ""));
        assert_eq!(Address::parse("s3://logs/a/b").unwrap(), s3("logs", "a/b"));
        let url = "https://sqs.eu-west-1.amazonaws.com/111111111111/trail";
        for text in [format!("sqs://{url}"), url.replace("https", "sqs")] {
            assert_eq!(Address::parse(&text).unwrap(), Address::Queue { url: url.into() });
        }
        for wrong in ["s3://", "sqs://queue", "athena://table", "gs://x", "logs"] {
            assert!(Address::parse(wrong).is_err(), "{wrong}");
        }
    }
}
