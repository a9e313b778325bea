//! One record of CloudTrail, as far as it matters.
//!
//! Source: CloudTrail User Guide, "CloudTrail record contents for management, data, and network activity events".

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Serialize;
use smallvec::SmallVec;

use crate::id::EventId;
use crate::identity::Identity;
use crate::json::{JsonError, Kind, Raw, Scanner};
use crate::time::Time;

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was carried out.
    Success,
    /// IAM, or the resource's policy, refused it.
    Denied,
    /// It was allowed and failed otherwise: no such key, too many requests.
    Failed,
    /// It would have been allowed, and was not carried out (`Client.DryRunOperation`).
    DryRun,
}

impl Outcome {
    /// The stable text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Denied => "denied",
            Self::Failed => "failed",
            Self::DryRun => "dry_run",
        }
    }

    /// Of a record's `errorCode`. Services spell a refusal in a few ways: `AccessDenied`, `AccessDeniedException`,
    /// `Client.UnauthorizedOperation`, `UnauthorizedAccess`, `Forbidden`.
    fn of_code(code: &str) -> Self {
        let bare = code.rsplit(['.', '#']).next().unwrap_or(code);
        if bare.starts_with("DryRun") {
            return Self::DryRun;
        }
        let denied = [
            "AccessDenied",
            "Unauthorized",
            "NotAuthorized",
            "AuthorizationError",
            "Forbidden",
            "KMSAccessDenied",
        ]
        .iter()
        .any(|word| bare.starts_with(word));
        if denied { Self::Denied } else { Self::Failed }
    }
}

/// What a record describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// A management event.
    Management,
    /// A data event.
    Data,
    /// A call as a VPC endpoint saw it, an insight, a sum: it is recorded elsewhere.
    Copy,
}

/// A record. Texts are slices of the object's text.
#[derive(Debug, Clone)]
pub struct Event<'a> {
    /// `eventTime`.
    pub time: Time,
    /// `eventID`.
    pub id: EventId,
    /// `sharedEventID`: the same in each account's copy of one call.
    pub shared: Option<EventId>,
    /// The event that this one replaces: an addendum with `UPDATED_DATA` repeats it under another id.
    pub replaces: Option<EventId>,
    /// `eventSource`, such as `s3.amazonaws.com`.
    pub source: Cow<'a, str>,
    /// `eventName`.
    pub name: Cow<'a, str>,
    /// `awsRegion`.
    pub region: Cow<'a, str>,
    /// The account in whose trail it stands.
    pub recipient: Cow<'a, str>,
    /// `sourceIPAddress`: an address, or a service.
    pub address: Cow<'a, str>,
    /// How it ended.
    pub outcome: Outcome,
    /// Management or data.
    pub category: Category,
    /// `readOnly`: a trail can be told to keep only these, or only the others. AssumeRole is one.
    pub read_only: bool,
    /// Whether the console's own session made the call (`sessionCredentialFromConsole`); its access key is new each time.
    pub console: bool,
    /// The text of `userIdentity`: a session writes the same in each record, so that it is seldom read
    /// ([`Event::who`]).
    pub identity: &'a [u8],
    /// The text of `requestParameters`.
    pub request: &'a [u8],
    /// The text of `responseElements`.
    pub response: &'a [u8],
    /// `resources[].ARN`.
    pub resources: SmallVec<[Resource<'a>; 2]>,
}

/// An entry of `resources`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource<'a> {
    /// `ARN`.
    pub arn: Cow<'a, str>,
    /// `type`, such as `AWS::S3::Object`; empty where none is given.
    pub kind: Cow<'a, str>,
}

/// Why a record is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The text cannot be read; what follows neither.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// It lacks a field that every record has.
    #[error("it has no usable `{0}`")]
    Lacks(&'static str),
}

/// A field that must be text: empty where it is not a string.
pub(crate) fn text<'a>(scanner: &mut Scanner<'a>) -> Result<Cow<'a, str>, JsonError> {
    scanner
        .maybe_string()?
        .map_or(Ok(Cow::Borrowed("")), |raw| raw.text())
}

fn id(scanner: &mut Scanner<'_>) -> Result<Option<EventId>, JsonError> {
    let raw = scanner.maybe_string()?;
    Ok(raw
        .filter(|raw| !raw.bytes().is_empty())
        .map(|raw| EventId::of(raw.bytes())))
}

impl<'a> Event<'a> {
    /// Reads a record, an object. After [`RecordError::Lacks`] the scanner stands behind it. `recent` is kept from one record
    /// of a text to the next.
    pub fn read(scanner: &mut Scanner<'a>, recent: &mut Recent<'a>) -> Result<Self, RecordError> {
        let mut event = Self {
            time: Time::MIN,
            id: EventId::default(),
            shared: None,
            replaces: None,
            source: Cow::Borrowed(""),
            name: Cow::Borrowed(""),
            region: Cow::Borrowed(""),
            recipient: Cow::Borrowed(""),
            address: Cow::Borrowed(""),
            outcome: Outcome::Success,
            category: Category::Management,
            read_only: false,
            console: false,
            identity: b"",
            request: b"",
            response: b"",
            resources: SmallVec::new(),
        };
        let (mut has_id, mut has_time) = (false, false);
        scanner.object(|name, value| {
            match name {
                b"userIdentity" => event.identity = recent.skip(value)?,
                b"eventTime" => {
                    if let Some(time) = Time::parse(&text(value)?) {
                        event.time = time;
                        has_time = true;
                    }
                }
                b"eventSource" => event.source = text(value)?,
                b"eventName" => event.name = text(value)?,
                b"awsRegion" => event.region = text(value)?,
                b"sourceIPAddress" => event.address = text(value)?,
                b"recipientAccountId" => event.recipient = text(value)?,
                b"errorCode" => {
                    let code = text(value)?;
                    if !code.is_empty() {
                        event.outcome = Outcome::of_code(&code);
                    }
                }
                b"requestParameters" => event.request = value.skip()?,
                b"responseElements" => event.response = value.skip()?,
                b"resources" => read_resources(value, &mut event.resources)?,
                b"eventID" => {
                    if let Some(id) = id(value)? {
                        event.id = id;
                        has_id = true;
                    }
                }
                b"sharedEventID" => event.shared = id(value)?,
                b"eventCategory" => match value.maybe_string()?.map_or(&b""[..], |raw| raw.bytes()) {
                    b"Data" => event.category = Category::Data,
                    b"Management" | b"" => {}
                    _ => event.category = Category::Copy,
                },
                b"managementEvent" => {
                    // Older records have no category.
                    if value.skip()? == b"false" && event.category == Category::Management {
                        event.category = Category::Data;
                    }
                }
                b"readOnly" => event.read_only = is_true(value.skip()?),
                b"sessionCredentialFromConsole" => event.console = is_true(value.skip()?),
                b"addendum" => event.replaces = addendum(value)?,
                _ => {
                    value.skip()?;
                }
            }
            Ok(())
        })?;
        for (there, name) in [
            (has_id, "eventID"),
            (has_time, "eventTime"),
            (!event.source.is_empty(), "eventSource"),
            (!event.name.is_empty(), "eventName"),
        ] {
            if !there {
                return Err(RecordError::Lacks(name));
            }
        }
        event.look_into_response();
        Ok(event)
    }

    /// Who made the call; [`crate::identity::IdentityType::Unknown`] where that cannot be read.
    #[must_use]
    pub fn who(&self) -> Identity<'a> {
        Identity::read(&mut Scanner::new(self.identity)).unwrap_or_default()
    }

    /// Sign-in events, and a few services, tell only in `responseElements` that a call failed.
    fn look_into_response(&mut self) {
        if self.outcome != Outcome::Success || self.response.len() < 4 {
            return;
        }
        if self.source == "signin.amazonaws.com" {
            if memchr::memmem::find(self.response, b"\"Failure\"").is_some() {
                self.outcome = Outcome::Failed;
            }
        } else if let Some(at) = memchr::memmem::find(self.response, b"\"errorCode\"") {
            let rest = self
                .response
                .get(at + b"\"errorCode\"".len()..)
                .unwrap_or_default();
            let colon = rest
                .iter()
                .position(|byte| *byte == b':')
                .map_or(0, |colon| colon + 1);
            let code = Scanner::new(rest.get(colon..).unwrap_or_default());
            if let Ok(Some(raw)) = code.clone().maybe_string()
                && let Ok(code) = raw.text()
                && !code.is_empty()
            {
                self.outcome = Outcome::of_code(&code);
            }
        }
    }
}

/// The texts of `userIdentity` that came last in a text: a session's is long, and the same in each of its records, so that
/// it is quicker to compare than to step through.
#[derive(Debug)]
pub struct Recent<'a>([&'a [u8]; 64]);

impl Default for Recent<'_> {
    fn default() -> Self {
        Self([b""; 64])
    }
}

impl<'a> Recent<'a> {
    fn skip(&mut self, value: &mut Scanner<'a>) -> Result<&'a [u8], JsonError> {
        // There stands the principal's id, in most records.
        let Some(&id) = value.ahead::<16>(40) else {
            return value.skip();
        };
        let mixed = u128::from_le_bytes(id).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        let Some(known) = self.0.get_mut((mixed >> 122) as usize) else {
            return value.skip();
        };
        if !value.skip_same(known) {
            let object = value.kind()? == Kind::Object;
            let text = value.skip()?;
            *known = if object { text } else { b"" };
            return Ok(text);
        }
        Ok(known)
    }
}

fn is_true(raw: &[u8]) -> bool {
    raw == b"true" || raw == b"\"true\""
}

/// `resources`, an array of objects; anything else is stepped over.
fn read_resources<'a>(
    value: &mut Scanner<'a>,
    out: &mut SmallVec<[Resource<'a>; 2]>,
) -> Result<(), JsonError> {
    if value.kind()? != Kind::Array {
        return value.skip().map(|_| ());
    }
    value.array(|entry| {
        if entry.kind()? != Kind::Object {
            return entry.skip().map(|_| ());
        }
        let (mut arn, mut kind) = (None, Cow::Borrowed(""));
        entry.object(|name, value| {
            match name {
                b"ARN" | b"arn" => arn = value.maybe_string()?,
                b"type" => kind = text(value)?,
                _ => {
                    value.skip()?;
                }
            }
            Ok(())
        })?;
        if let Some(raw) = arn
            && raw.bytes().starts_with(b"arn:")
        {
            out.push(Resource {
                arn: raw.text()?,
                kind,
            });
        }
        Ok(())
    })
}

/// The event that an addendum replaces: only `UPDATED_DATA` comes under a new id; `DELIVERY_DELAY` is only late.
fn addendum(value: &mut Scanner<'_>) -> Result<Option<EventId>, JsonError> {
    if value.kind()? != Kind::Object {
        return value.skip().map(|_| None);
    }
    let (mut updated, mut original) = (false, None);
    value.object(|name, value| {
        match name {
            b"reason" => {
                updated = value
                    .maybe_string()?
                    .is_some_and(|raw: Raw<'_>| raw.bytes() == b"UPDATED_DATA")
            }
            b"originalEventID" => original = id(value)?,
            _ => {
                value.skip()?;
            }
        }
        Ok(())
    })?;
    Ok(original.filter(|_| updated))
}
