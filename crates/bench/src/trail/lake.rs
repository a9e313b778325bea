//! The calls, and the objects that they are delivered in.

use serde_json::{Value, json};

use super::session::{Role, Session};
use super::{Count, Key, Object, Options, Truth};
use crate::names::{self, REGIONS, WORDS};
use crate::rng::Rng;

/// 2026-10-01T00:00:00Z.
const START: u32 = 1_790_812_800;
const DAY: u32 = 86_400;
const DAYS: u32 = 30;
/// Accounts of the organisation; one more stands outside.
const ACCOUNTS: usize = 6;
/// Kinds of sessions.
const KINDS: usize = 14;
/// Records in one object.
const PER_OBJECT: usize = 120;

/// The objects and the truth.
#[derive(Debug)]
pub struct Lake {
    /// In no particular order.
    pub objects: Vec<Object>,
    /// What is in them.
    pub truth: Truth,
}

struct Record {
    delivered: u32,
    account: String,
    region: &'static str,
    value: Value,
}

struct Maker {
    rng: Rng,
    records: Vec<Record>,
    truth: Truth,
    now: u32,
    /// Where an access key was given out before, to be given out again.
    old_key: Option<String>,
}

/// What is called.
struct Call<'a> {
    source: &'a str,
    name: &'a str,
    request: Value,
    response: Value,
    /// `resources`.
    listed: Value,
    /// As the truth has it.
    resource: String,
    data: bool,
    /// The account of the resource.
    owner: String,
    /// The service for which it is made.
    via: Option<&'a str>,
}

impl Lake {
    /// Makes one.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let mut maker = Maker {
            rng: Rng::of(options.seed, "trail", 0),
            records: Vec::new(),
            truth: Truth::default(),
            now: START,
            old_key: None,
        };
        // Somebody is there before all others, so that nobody's credentials are older than the records.
        let first = maker.user(0);
        maker.work(&first, 1);
        for number in 0..options.sessions {
            maker.now = START + 3600 + (maker.rng.below(DAY as usize * (DAYS as usize - 1)) as u32) / 60 * 60;
            for session in maker.sessions(number) {
                maker.work(&session, options.calls);
            }
        }
        maker.deliver()
    }
}

/// A moment as CloudTrail writes it; the lake lies within two months.
fn moment(time: u32) -> String {
    let (day, second) = ((time - START) / DAY, (time - START) % DAY);
    let (month, day) = if day < 31 { (10, day + 1) } else { (11, day - 30) };
    format!(
        "2026-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

impl Maker {
    fn uuid(&mut self) -> String {
        let [a, b, c, d, e] = [8, 4, 4, 4, 12].map(|digits| self.rng.hex(digits));
        format!("{a}-{b}-{c}-{d}-{e}")
    }

    fn key(&mut self, prefix: &str) -> String {
        let mut key = self.rng.unique_id(prefix);
        key.truncate(20);
        key
    }

    fn account(&mut self) -> String {
        names::account(self.rng.below(ACCOUNTS))
    }

    fn role_in(&mut self, account: String, path: &'static str, name: String) -> Role {
        // A role keeps its id.
        let number = account.bytes().chain(name.bytes()).fold(7_usize, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(byte.into())
        });
        let id = Rng::of(11, "trail-role", number).unique_id("AROA");
        Role {
            account,
            name,
            path,
            id,
        }
    }

    fn role(&mut self) -> Role {
        let (account, word) = (self.account(), self.rng.pick(&WORDS));
        self.role_in(account, "/app/", format!("{word}-role"))
    }

    fn user(&mut self, number: usize) -> Session {
        let number = number % 40;
        let account = names::account(number % ACCOUNTS);
        let mut own = Rng::of(11, "trail-user", number);
        let (id, mut key) = (own.unique_id("AIDA"), own.unique_id("AKIA"));
        key.truncate(20);
        Session::user(&account, &format!("user-{number}"), &id, &key)
    }

    /// Sessions of the kind whose turn it is, with the calls that lead to them.
    fn sessions(&mut self, number: usize) -> Vec<Session> {
        let user = self.user(number);
        match number % KINDS {
            0 => vec![user],
            1 => {
                let role = self.role();
                vec![self.assume(&user, &role, "deploy", true, 300)]
            }
            // Two hops through two accounts; the second call is delivered hours late.
            2 => {
                let (first, second) = (self.role(), self.role());
                let middle = self.assume(&user, &first, "step-1", true, 300);
                self.now += 30;
                vec![self.assume(&middle, &second, &format!("step-{number}"), true, 20_000)]
            }
            3 => {
                let (role, subject) = (
                    self.role(),
                    format!("repo:acme/{}:ref:refs/heads/main", self.rng.pick(&WORDS)),
                );
                let provider = "token.actions.githubusercontent.com";
                let job = Session::vouched(
                    "WebIdentityUser",
                    provider,
                    &subject,
                    format!("OIDC subject {subject}"),
                );
                vec![self.vouch(&job, &role, "GitHubActions", "AssumeRoleWithWebIdentity", true)]
            }
            4 | 5 => {
                let (service, name) = if number % KINDS == 4 {
                    (
                        "lambda.amazonaws.com",
                        format!("{}-function", self.rng.pick(&WORDS)),
                    )
                } else {
                    ("ec2.amazonaws.com", format!("i-0{}", self.rng.hex(16)))
                };
                let (role, caller) = (self.role(), Session::service(service, Some(&name)));
                vec![self.assume(&caller, &role, &name, true, 300)]
            }
            // Identity Center: other keys than the one that the call gave out, or the console's.
            6 => {
                let account = self.account();
                let person = format!("person-{}@corp.example", self.rng.below(30));
                let role = self.role_in(
                    account,
                    "/aws-reserved/sso.amazonaws.com/",
                    "AWSReservedSSO_Reader_0123456789abcdef".into(),
                );
                let signed_in = Session::vouched(
                    "SAMLUser",
                    "idp=",
                    &person,
                    format!("Identity Center user {person}"),
                );
                let key_used = number % 2 == 0;
                let mut session = self.vouch(&signed_in, &role, &person, "AssumeRoleWithSAML", false);
                session.key = key_used.then(|| self.key("ASIA"));
                session.console = !key_used;
                vec![session]
            }
            7 => {
                let outside = Session::outside(
                    &names::account(ACCOUNTS),
                    &format!("AROAVENDOR00000000{:03}:scanner", number % 3),
                );
                let role = self.role();
                vec![self.assume(&outside, &role, "scanner", true, 300)]
            }
            // Nothing here tells who gave it its credentials; its name is somebody else's.
            8 => {
                let (role, key) = (self.role(), self.key("ASIA"));
                let name = format!("user-{}-{number}", number % 7);
                vec![Session::role(
                    &role,
                    &name,
                    &moment(self.now),
                    Some(&key),
                    &user,
                    None,
                )]
            }
            9 => self.twins(number, &user),
            // A key id that was given out before, to somebody else's session.
            10 => {
                let role = self.role();
                let key = self.old_key.clone().unwrap_or_else(|| self.key("ASIA"));
                self.old_key = Some(key.clone());
                vec![self.assume_as(&user, &role, &format!("again-{number}"), &key, Some(&key), 300)]
            }
            11 => {
                let key = self.key("ASIA");
                vec![Session::federated(&user, "portal", &key)]
            }
            12 => vec![Session::anonymous()],
            _ => vec![Session::service("cloudtrail.amazonaws.com", None)],
        }
    }

    /// Two callers, one role, one name, one second. With their keys they can be told apart, in the console not.
    fn twins(&mut self, number: usize, user: &Session) -> Vec<Session> {
        let (role, other, name) = (self.role(), self.user(number + 1), format!("same-{number}"));
        let keys = [self.key("ASIA"), self.key("ASIA")];
        let in_console = number / KINDS % 2 == 0;
        [user, &other]
            .into_iter()
            .zip(keys)
            .map(|(user, key)| {
                let mut session = self.assume_as(
                    user,
                    &role,
                    &name,
                    &key,
                    (!in_console).then_some(key.as_str()),
                    300,
                );
                if in_console {
                    session.origin = "unknown one of 2 that nothing tells apart".into();
                    session.chain = None;
                }
                session
            })
            .collect()
    }

    fn assume(&mut self, caller: &Session, role: &Role, name: &str, visible: bool, late: u32) -> Session {
        let key = self.key("ASIA");
        self.assume_as(caller, role, name, &key, visible.then_some(key.as_str()), late)
    }

    /// AssumeRole; `used` is the key that the session then has.
    fn assume_as(
        &mut self,
        caller: &Session,
        role: &Role,
        name: &str,
        key: &str,
        used: Option<&str>,
        late: u32,
    ) -> Session {
        let call = Call {
            source: "sts.amazonaws.com",
            name: "AssumeRole",
            request: json!({"roleArn": role.arn(), "roleSessionName": name}),
            response: credentials(role, name, key),
            listed: json!([{"accountId": role.account, "type": "AWS::IAM::Role", "ARN": role.arn()}]),
            resource: role.arn(),
            data: false,
            owner: role.account.clone(),
            via: None,
        };
        let mint = self.record(caller, &call, None, late);
        let session = Session::role(role, name, &moment(self.now), used, caller, Some(&mint));
        if let Some(chain) = &session.chain
            && used.is_some()
        {
            self.truth
                .chains
                .push((format!("{}:{name}", role.id), chain.clone()));
        }
        session
    }

    /// AssumeRoleWithSAML or WithWebIdentity.
    fn vouch(&mut self, caller: &Session, role: &Role, name: &str, how: &str, visible: bool) -> Session {
        let key = self.key("ASIA");
        let caller_there = Session {
            account: role.account.clone(),
            ..caller.clone()
        };
        let call = Call {
            source: "sts.amazonaws.com",
            name: how,
            request: json!({"roleArn": role.arn(), "roleSessionName": name, "durationSeconds": 3600}),
            response: credentials(role, name, &key),
            listed: json!([{"accountId": role.account, "type": "AWS::IAM::Role", "ARN": role.arn()}]),
            resource: role.arn(),
            data: false,
            owner: role.account.clone(),
            via: None,
        };
        let mint = self.record(&caller_there, &call, None, 300);
        Session::role(
            role,
            name,
            &moment(self.now),
            visible.then_some(key.as_str()),
            caller,
            Some(&mint),
        )
    }

    /// What a session does.
    fn work(&mut self, session: &Session, calls: usize) {
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

    /// Writes a call down, in the trail of the caller, and of the owner where that is another; gives the id of the first.
    fn record(
        &mut self,
        who: &Session,
        call: &Call<'_>,
        error: Option<(&str, &'static str)>,
        late: u32,
    ) -> String {
        let id = self.uuid();
        let outside = who.account.is_empty() || who.account == names::account(ACCOUNTS);
        let recipient = if outside {
            call.owner.clone()
        } else {
            who.account.clone()
        };
        let region = "eu-west-1";
        let mut identity = who.identity.clone();
        if let Some(key) = who.key.clone().or_else(|| who.console.then(|| self.key("ASIA"))) {
            identity["accessKeyId"] = key.into();
        }
        if let Some(service) = call.via {
            identity["invokedBy"] = service.into();
        }
        let address = format!(
            "10.{}.{}.{}",
            self.rng.below(256),
            self.rng.below(256),
            self.rng.below(256)
        );
        let mut value = json!({
            "eventVersion": "1.11",
            "userIdentity": identity,
            "eventTime": moment(self.now),
            "eventSource": call.source,
            "eventName": call.name,
            "awsRegion": region,
            "sourceIPAddress": address,
            "userAgent": "aws-sdk-rust/1.3.9 ua/2.1 api/s3#1.60.0 os/linux lang/rust#1.95.0 m/E,D app/made-up cfg/retry-mode#standard",
            "requestParameters": call.request,
            "responseElements": if error.is_some() { Value::Null } else { call.response.clone() },
            "additionalEventData": {"SignatureVersion": "SigV4", "CipherSuite": "TLS_AES_128_GCM_SHA256", "bytesTransferredIn": 0, "AuthenticationMethod": "AuthHeader", "x-amz-id-2": self.rng.hex(88), "bytesTransferredOut": self.rng.below(100_000)},
            "requestID": self.rng.hex(16).to_uppercase(),
            "eventID": id,
            "readOnly": !call.name.starts_with("Put"),
            "eventType": "AwsApiCall",
            "managementEvent": !call.data,
            "recipientAccountId": recipient,
            "eventCategory": if call.data { "Data" } else { "Management" },
            "tlsDetails": {"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256", "clientProvidedHostHeader": format!("{}.amazonaws.com", region)},
        });
        if !call.listed.is_null() {
            value["resources"] = call.listed.clone();
        }
        if who.console {
            value["sessionCredentialFromConsole"] = "true".into();
        }
        if let Some((code, _)) = error {
            value["errorCode"] = code.into();
            value["errorMessage"] = "it did not work".into();
        }
        let others = !outside && call.owner != recipient;
        if outside || others {
            value["sharedEventID"] = self.uuid().into();
        }
        if others {
            let mut copy = value.clone();
            copy["eventID"] = self.uuid().into();
            copy["recipientAccountId"] = call.owner.clone().into();
            copy["userIdentity"] = json!({"type": "AWSAccount", "principalId": who.identity["principalId"], "accountId": who.account});
            self.put(call.owner.clone(), region, copy, late + 40);
        }
        self.put(recipient, region, value, late);
        self.count(who, call, error.map_or("success", |(_, outcome)| outcome));
        id
    }

    fn put(&mut self, account: String, region: &'static str, value: Value, late: u32) {
        let delivered = self.now + late;
        // Three in a hundred come twice.
        if self.rng.below(100) < 3 {
            let again = delivered + 60 + self.rng.below(3 * DAY as usize) as u32;
            self.records.push(Record {
                delivered: again,
                account: account.clone(),
                region,
                value: value.clone(),
            });
        }
        // One in five hundred is corrected later, under another id.
        if self.rng.below(500) == 0
            && value.get("sharedEventID").is_none()
            && value["eventSource"] != "sts.amazonaws.com"
        {
            let mut update = value.clone();
            let original = std::mem::replace(&mut update["eventID"], self.uuid().into());
            update["addendum"] =
                json!({"reason": "UPDATED_DATA", "updatedFields": "userAgent", "originalEventID": original});
            self.records.push(Record {
                delivered: delivered + 900,
                account: account.clone(),
                region,
                value: update,
            });
        }
        self.records.push(Record {
            delivered,
            account,
            region,
            value,
        });
    }

    fn count(&mut self, who: &Session, call: &Call<'_>, outcome: &'static str) {
        let now = moment(self.now);
        for resource in call.resource.split(' ') {
            let key = Key {
                origin: who.origin.clone(),
                principal: who.principal.clone(),
                source: call.source.to_owned(),
                name: call.name.to_owned(),
                resource: resource.to_owned(),
                outcome,
            };
            let count = self.truth.counts.entry(key).or_insert_with(|| Count {
                count: 0,
                first: now.clone(),
                last: now.clone(),
            });
            count.count += 1;
            count.first = count.first.clone().min(now.clone());
            count.last = count.last.clone().max(now.clone());
        }
    }

    /// Cuts the records into objects, each of one account, region and day.
    fn deliver(mut self) -> Lake {
        self.truth.records = self.records.len() as u64;
        let mut records = std::mem::take(&mut self.records);
        records.sort_by(|a, b| (&a.account, a.region, a.delivered).cmp(&(&b.account, b.region, b.delivered)));
        let mut objects = Vec::new();
        let mut rest = records.as_slice();
        while let Some(first) = rest.first() {
            let same = rest
                .iter()
                .take(PER_OBJECT)
                .take_while(|one| {
                    one.account == first.account && one.delivered / DAY == first.delivered / DAY
                })
                .count();
            let (mine, after) = rest.split_at(same);
            rest = after;
            let name = self.name(
                &first.account,
                "CloudTrail",
                mine.last().map_or(0, |one| one.delivered),
            );
            // Within an object there is no order.
            let mut values: Vec<&Value> = mine.iter().map(|one| &one.value).collect();
            for at in (1..values.len()).rev() {
                values.swap(at, self.rng.below(at + 1));
            }
            objects.push(Object {
                name,
                text: json!({"Records": values}).to_string().into_bytes(),
            });
        }
        self.noise(&mut objects);
        Lake {
            objects,
            truth: self.truth,
        }
    }

    fn name(&mut self, account: &str, kind: &str, delivered: u32) -> String {
        let at = moment(delivered / 300 * 300 + 300);
        let (date, time) = at.split_at(10);
        let stamp = format!("{}T{}Z", date.replace('-', ""), time[1..6].replace(':', ""));
        let (day, end) = (date.replace('-', "/"), self.rng.hex(16));
        let region = REGIONS[0];
        format!(
            "AWSLogs/o-bench00001/{account}/{kind}/{region}/{day}/{account}_{kind}_{region}_{stamp}_{end}.json"
        )
    }

    /// What lies beside log files, and what damage looks like. The damaged ones hold nothing that is not elsewhere.
    fn noise(&mut self, objects: &mut Vec<Object>) {
        let account = names::account(0);
        for kind in ["CloudTrail-Digest", "CloudTrail-Insight", "CloudTrail-Aggregated"] {
            let name = self.name(&account, kind, START + DAY);
            objects.push(Object {
                name,
                text: br#"{"Records":[{"eventID":"x"}]}"#.to_vec(),
            });
        }
        let whole = objects
            .first()
            .map(|object| object.text.clone())
            .unwrap_or_default();
        for text in [
            whole[..whole.len() * 3 / 5].to_vec(),
            b"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>".to_vec(),
            Vec::new(),
            b"{\"logFiles\":[]}".to_vec(),
        ] {
            let name = self.name(&account, "CloudTrail", START + DAY);
            self.truth.damaged.insert(name.clone());
            objects.push(Object { name, text });
        }
        let name = self.name(&account, "CloudTrail", START + 2 * DAY);
        objects.push(Object {
            name,
            text: br#"{"Records":[]}"#.to_vec(),
        });
    }
}

fn credentials(role: &Role, name: &str, key: &str) -> Value {
    json!({
        "credentials": {"accessKeyId": key, "expiration": "Oct 1, 2026, 4:07:39 PM"},
        "assumedRoleUser": {
            "assumedRoleId": format!("{}:{name}", role.id),
            "arn": format!("arn:aws:sts::{}:assumed-role/{}/{name}", role.account, role.name),
        },
    })
}
