//! What sessions do.

use serde_json::{Value, json};

use super::lake::{ACCOUNTS, Call, Maker};
use super::session::Session;
use crate::names::{self, WORDS};

impl Maker {
    /// What a session does.
    pub(super) fn work(&mut self, session: &Session, calls: usize) {
        let began = self.now;
        for at in 0..calls {
            self.now = began + 1 + (at * 40 + self.rng.below(40)) as u32;
            let outside = session.account.is_empty() || session.account == names::account(ACCOUNTS);
            let home = if outside {
                self.account()
            } else {
                session.account.clone()
            };
            // One call in twelve is on another account's bucket, whose owner has a record of its own.
            let owner = if self.rng.below(12) == 0 {
                self.account()
            } else {
                home
            };
            let call = if outside {
                self.object(owner, at)
            } else {
                self.some_call(owner, &session.account, at)
            };
            let error = match self.rng.below(30) {
                0 => Some(("AccessDenied", "denied")),
                1 => Some(("NoSuchKey", "failed")),
                _ => None,
            };
            let late = 30 + self.rng.below(500) as u32;
            self.record(session, &call, error, late);
        }
        self.now = began;
    }

    fn object(&mut self, owner: String, at: usize) -> Call<'static> {
        let bucket = format!("{}-{}", self.rng.pick(&WORDS), &owner[6..]);
        let key = format!("raw/{}/part-{:05}.json", at % 7, self.rng.below(400));
        let arn = format!("arn:aws:s3:::{bucket}/{key}");
        Call {
            source: "s3.amazonaws.com",
            name: self.rng.pick(&["GetObject", "GetObject", "PutObject"]),
            request: json!({"bucketName": bucket, "Host": format!("{bucket}.s3.amazonaws.com"), "key": key}),
            response: Value::Null,
            listed: json!([
                {"type": "AWS::S3::Object", "ARN": arn},
                {"accountId": owner, "type": "AWS::S3::Bucket", "ARN": format!("arn:aws:s3:::{bucket}")},
            ]),
            resource: arn,
            data: true,
            owner,
            via: None,
        }
    }

    fn some_call(&mut self, owner: String, account: &str, at: usize) -> Call<'static> {
        let word = self.rng.pick(&WORDS);
        let here = |name: &'static str, source: &'static str, request: Value, resource: String| Call {
            source,
            name,
            request,
            response: Value::Null,
            listed: Value::Null,
            resource,
            data: false,
            owner: account.to_owned(),
            via: None,
        };
        match self.rng.below(10) {
            0 => {
                let arn = format!("arn:aws:dynamodb:eu-west-1:{account}:table/{word}");
                let call = here(
                    "GetItem",
                    "dynamodb.amazonaws.com",
                    json!({"tableName": word, "consistentRead": false}),
                    arn.clone(),
                );
                Call {
                    listed: json!([{"accountId": account, "type": "AWS::DynamoDB::Table", "ARN": arn}]),
                    data: true,
                    ..call
                }
            }
            1 => {
                let arn = format!("arn:aws:secretsmanager:eu-west-1:{account}:secret:{word}/db");
                here(
                    "GetSecretValue",
                    "secretsmanager.amazonaws.com",
                    json!({"secretId": format!("{word}/db")}),
                    arn,
                )
            }
            // S3 decrypts with the caller's own authority.
            2 => {
                let arn = format!("arn:aws:kms:eu-west-1:{owner}:key/{word}");
                Call {
                    listed: json!([{"accountId": owner, "type": "AWS::KMS::Key", "ARN": arn}]),
                    owner,
                    via: Some("AWS Internal"),
                    ..here(
                        "Decrypt",
                        "kms.amazonaws.com",
                        json!({"encryptionAlgorithm": "SYMMETRIC_DEFAULT"}),
                        arn.clone(),
                    )
                }
            }
            3 => here(
                "ListFunctions20150331",
                "lambda.amazonaws.com",
                Value::Null,
                "*".into(),
            ),
            4 => {
                let items = [1, 2].map(|n| json!({"instanceId": format!("i-{word}-{n}")}));
                here(
                    "StopInstances",
                    "ec2.amazonaws.com",
                    json!({"instancesSet": {"items": items}}),
                    format!(
                        "arn:aws:ec2:eu-west-1:{account}:instance/i-{word}-1 arn:aws:ec2:eu-west-1:{account}:instance/i-{word}-2"
                    ),
                )
            }
            _ => self.object(owner, at),
        }
    }
}
