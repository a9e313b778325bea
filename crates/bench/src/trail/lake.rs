//! The calls, and the objects that they are delivered in.

use serde_json::{Value, json};

use super::session::{Role, Session};
use super::{Object, Options, Truth};
use crate::names::{self, WORDS};
use crate::rng::Rng;

/// 2026-10-01T00:00:00Z.
pub(super) const START: u32 = 1_790_812_800;
pub(super) const DAY: u32 = 86_400;
const DAYS: u32 = 30;
/// Accounts of the organisation; one more stands outside.
pub(super) const ACCOUNTS: usize = 6;
/// Kinds of sessions.
const KINDS: usize = 14;

/// The objects and the truth.
#[derive(Debug)]
pub struct Lake {
    /// In no particular order.
    pub objects: Vec<Object>,
    /// What is in them.
    pub truth: Truth,
}

pub(super) struct Record {
    pub(super) delivered: u32,
    pub(super) account: String,
    pub(super) region: &'static str,
    pub(super) value: Value,
}

pub(super) struct Maker {
    pub(super) rng: Rng,
    pub(super) records: Vec<Record>,
    pub(super) truth: Truth,
    pub(super) now: u32,
    /// Where an access key was given out before, to be given out again.
    old_key: Option<String>,
}

/// What is called.
pub(super) struct Call<'a> {
    pub(super) source: &'a str,
    pub(super) name: &'a str,
    pub(super) request: Value,
    pub(super) response: Value,
    /// `resources`.
    pub(super) listed: Value,
    /// As the truth has it.
    pub(super) resource: String,
    pub(super) data: bool,
    /// The account of the resource.
    pub(super) owner: String,
    /// The service for which it is made.
    pub(super) via: Option<&'a str>,
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
pub(super) fn moment(time: u32) -> String {
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
    pub(super) fn uuid(&mut self) -> String {
        let [a, b, c, d, e] = [8, 4, 4, 4, 12].map(|digits| self.rng.hex(digits));
        format!("{a}-{b}-{c}-{d}-{e}")
    }

    pub(super) fn key(&mut self, prefix: &str) -> String {
        let mut key = self.rng.unique_id(prefix);
        key.truncate(20);
        key
    }

    pub(super) fn account(&mut self) -> String {
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
                let key_used = number.is_multiple_of(2);
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
        let in_console = (number / KINDS).is_multiple_of(2);
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
