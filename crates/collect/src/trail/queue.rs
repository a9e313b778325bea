//! A queue of Amazon SQS that an EventBridge rule sends CloudTrail's events to.
//!
//! SQS delivers at least once, in any order. So messages are deleted only when what they say has been written down
//! ([`Source::written`]), and a message that comes twice counts once, as any event does. A message that cannot be used is never
//! deleted: the queue's redrive policy takes it to the dead-letter queue, where somebody can look at it.
//!
//! Source: Amazon SQS Developer Guide, "Amazon SQS visibility timeout", "Using dead-letter queues"; Amazon EventBridge User
//! Guide, "Events from AWS services via CloudTrail".

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName, QueueAttributeName,
};
use futures::future::join_all;
use sv0_evidence::source::{Listing, Object, Source, SourceError};
use sv0_evidence::time::{Time, Window};

use super::{Aws, CALLS, refused};
use crate::call::Call;
use crate::failure::Failure;
use crate::guard::GuardOf;

pub(crate) const GET_ATTRIBUTES: Call = Call {
    operation: "GetQueueAttributes",
    actions: &["sqs:GetQueueAttributes"],
    absent: &[],
    without: "whether the queue has a dead-letter queue is not known",
};
pub(crate) const RECEIVE: Call = Call {
    operation: "ReceiveMessage",
    actions: &["sqs:ReceiveMessage"],
    absent: &[],
    without: "CloudTrail's events cannot be received",
};
pub(crate) const DELETE: Call = Call {
    operation: "DeleteMessageBatch",
    actions: &["sqs:DeleteMessage"],
    absent: &[],
    without: "events that were written down come again; they count once",
};

/// For so many seconds nobody else gets a message that was received: as long as it may take to count it and write that down.
const HIDDEN: i32 = 900;
/// How long a receive waits for messages, in seconds. Waiting at all makes SQS ask all its servers.
const WAIT: i32 = 1;
/// Receives at a time, of ten messages each.
const BESIDE: usize = 8;
/// What is counted and written down at once: so many messages, so many bytes, or what comes in so long a time.
const BATCH: usize = 10_000;
const BATCH_BYTES: u64 = 64 << 20;
const BATCH_TIME: Duration = Duration::from_secs(60);
/// Messages that were sent so many seconds after a run began are the next run's; less than that may be the clocks.
const SLACK: u32 = 60;
/// The most that one call takes or gives (SQS API Reference).
const AT_ONCE: usize = 10;

/// A queue.
pub struct Queue {
    aws: Aws,
    client: aws_sdk_sqs::Client,
    url: String,
    region: String,
    /// From when on messages are the next run's.
    end: Time,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What was received and not deleted, by the name of its object.
    held: HashMap<String, Held>,
    /// Whether there was nothing more, but what is the next run's.
    drained: bool,
    /// Whether there is something for the next run.
    goes_on: bool,
    /// What AWS said of messages that it did not delete, and of how many.
    kept: Option<(String, usize)>,
    redrive: Redrive,
}

struct Held {
    body: String,
    receipt: String,
}

/// Whether messages that nobody deletes go somewhere else in the end.
#[derive(Default)]
enum Redrive {
    There,
    #[default]
    Missing,
    Unknown(String),
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl Queue {
    /// Looks at a queue.
    pub(super) fn open(aws: &Aws, url: &str) -> Result<Self, SourceError> {
        let configured = aws.line.config(None);
        let region = region(url)
            .or_else(|| configured.region().map(|region| region.as_ref()))
            .unwrap_or("us-east-1")
            .to_owned();
        let client = aws_sdk_sqs::Client::from_conf(
            aws_sdk_sqs::config::Builder::from(&aws.line.config(Some(&region)))
                .interceptor(GuardOf(CALLS))
                .build(),
        );
        let queue = Self {
            aws: aws.clone(),
            client,
            url: url.to_owned(),
            region,
            end: now().plus(SLACK),
            state: Mutex::default(),
        };
        let redrive = match aws.wait(queue.attributes()) {
            Ok(true) => Redrive::There,
            Ok(false) => Redrive::Missing,
            Err(failure)
                if failure.code.ends_with("QueueDoesNotExist")
                    || failure.code.ends_with("NonExistentQueue") =>
            {
                return Err(refused(url, &GET_ATTRIBUTES, &failure));
            }
            Err(failure) => Redrive::Unknown(failure.message),
        };
        queue.state().redrive = redrive;
        Ok(queue)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is a redrive policy.
    async fn attributes(&self) -> Result<bool, Failure> {
        let request = || {
            self.client
                .get_queue_attributes()
                .queue_url(&self.url)
                .attribute_names(QueueAttributeName::RedrivePolicy)
                .send()
        };
        let answer = self
            .aws
            .line
            .send((&self.region, "sqs"), &GET_ATTRIBUTES, request)
            .await?;
        let attributes = answer.attributes.unwrap_or_default();
        Ok(attributes
            .get(&QueueAttributeName::RedrivePolicy)
            .is_some_and(|policy| !policy.is_empty()))
    }

    async fn receive(&self) -> Result<Vec<Message>, Failure> {
        let request = || {
            self.client
                .receive_message()
                .queue_url(&self.url)
                .max_number_of_messages(10)
                .visibility_timeout(HIDDEN)
                .wait_time_seconds(WAIT)
                .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
                .send()
        };
        let answer = self
            .aws
            .line
            .send((&self.region, "sqs"), &RECEIVE, request)
            .await?;
        Ok(answer.messages.unwrap_or_default())
    }

    /// Messages until there are enough, time is up, or there are no more.
    async fn batch(&self) -> Result<(Vec<Object>, bool), Failure> {
        let (mut objects, end) = (Vec::<Object>::new(), Instant::now() + BATCH_TIME);
        loop {
            let round = join_all((0..BESIDE).map(|_| self.receive())).await;
            // What others received is held, whatever became of one: it is hidden from everybody else.
            let (mut failed, mut any, mut older) = (None, false, false);
            for received in round {
                match received {
                    Ok(messages) => {
                        for message in messages {
                            let sent = sent(&message);
                            older |= sent.is_none_or(|at| at < self.end);
                            any = true;
                            objects.extend(self.hold(message, sent));
                        }
                    }
                    Err(failure) => failed = Some(failure),
                }
            }
            match failed {
                Some(failure) if objects.is_empty() => return Err(failure),
                Some(_) => return Ok((objects, false)),
                None => {}
            }
            // A queue that is filled all the time never ends; what comes from now on is the next run's.
            if !older {
                self.state().goes_on = any;
                return Ok((objects, true));
            }
            let bytes: u64 = objects.iter().map(|object| object.size).sum();
            if objects.len() >= BATCH || bytes >= BATCH_BYTES || Instant::now() >= end {
                return Ok((objects, false));
            }
        }
    }

    /// Keeps a message until it is written down. One that came twice in this run is one, by its last receipt.
    fn hold(&self, message: Message, sent: Option<Time>) -> Option<Object> {
        let name = format!("{}#{}", self.url, message.message_id.unwrap_or_default());
        let held = Held {
            body: message.body.unwrap_or_default(),
            receipt: message.receipt_handle?,
        };
        let size = held.body.len() as u64;
        let old = self.state().held.insert(name.clone(), held);
        old.is_none().then(|| Object {
            name,
            size,
            delivered: sent,
            // A message comes once; there is nothing to remember.
            tag: String::new(),
        })
    }

    /// Deletes messages; gives how many AWS kept, and why.
    async fn delete(&self, receipts: &[(String, String)]) -> Option<(String, usize)> {
        let mut kept: Option<(String, usize)> = None;
        let mut keep = |why: String, count: usize| kept.get_or_insert((why, 0)).1 += count;
        for ten in receipts.chunks(AT_ONCE) {
            let entries = ten.iter().enumerate().map(|(at, (_, receipt))| {
                DeleteMessageBatchRequestEntry::builder()
                    .id(at.to_string())
                    .receipt_handle(receipt)
                    .build()
            });
            let Ok(entries) = entries.collect::<Result<Vec<_>, _>>() else {
                continue;
            };
            let request = || {
                self.client
                    .delete_message_batch()
                    .queue_url(&self.url)
                    .set_entries(Some(entries.clone()))
                    .send()
            };
            match self.aws.line.send((&self.region, "sqs"), &DELETE, request).await {
                Ok(answer) => {
                    for failed in answer.failed {
                        keep(
                            format!("{}: {}", failed.code, failed.message.unwrap_or_default()),
                            1,
                        );
                    }
                }
                Err(failure) => keep(failure.message, ten.len()),
            }
        }
        kept
    }
}

impl Source for Queue {
    fn list(&self, _: Window) -> Result<Listing, SourceError> {
        let (objects, drained) = self
            .aws
            .wait(self.batch())
            .map_err(|failure| refused(&self.url, &RECEIVE, &failure))?;
        self.state().drained = drained;
        Ok(Listing {
            objects,
            ..Listing::default()
        })
    }

    fn list_from(&self, window: Window, _: Time) -> Result<Listing, SourceError> {
        self.list(window)
    }

    fn fetch(&self, object: &Object, bytes: &mut Vec<u8>) -> io::Result<()> {
        match self.state().held.get(&object.name) {
            Some(held) => bytes.extend_from_slice(held.body.as_bytes()),
            None => return Err(io::ErrorKind::NotFound.into()),
        }
        Ok(())
    }

    fn written(&self, objects: &[&Object]) -> Result<(), SourceError> {
        let receipts: Vec<(String, String)> = {
            let mut state = self.state();
            let held = objects.iter().filter_map(|object| {
                let held = state.held.remove(&object.name)?;
                Some((object.name.clone(), held.receipt))
            });
            held.collect()
        };
        // What is not deleted comes again, and counts once: no reason to stop.
        let kept = self.aws.wait(self.delete(&receipts));
        if let Some((why, count)) = kept {
            self.state().kept.get_or_insert((why, 0)).1 += count;
        }
        Ok(())
    }

    fn notes(&self) -> Vec<String> {
        let state = self.state();
        let mut notes = Vec::new();
        if let Some((why, count)) = &state.kept {
            notes.push(format!(
                "{}: {count} messages were written down and could not be deleted; they will come again, and count once ({why})",
                self.url
            ));
        }
        if state.goes_on {
            notes.push(format!(
                "{}: more messages come than this run reads; the next run goes on",
                self.url
            ));
        }
        let left = state.held.len();
        let what = match left {
            0 => String::new(),
            n => format!("{n} messages could not be used and were left in it; "),
        };
        match &state.redrive {
            Redrive::There if left > 0 => notes.push(format!(
                "{}: {what}its redrive policy takes them to the dead-letter queue",
                self.url
            )),
            Redrive::There => {}
            Redrive::Missing => notes.push(format!(
                "{}: {what}it has no redrive policy: messages that cannot be used come again and again until they are too old, and then are lost",
                self.url
            )),
            Redrive::Unknown(why) => notes.push(format!(
                "{}: {what}whether it has a redrive policy is not known ({why})",
                self.url
            )),
        }
        notes
    }

    fn has_more(&self) -> bool {
        !self.state().drained
    }
}

/// When a message was sent: milliseconds since 1970.
fn sent(message: &Message) -> Option<Time> {
    let attributes = message.attributes.as_ref()?;
    let text = attributes.get(&MessageSystemAttributeName::SentTimestamp)?;
    // Whole milliseconds from AWS, a fraction behind them from others.
    let milliseconds: u64 = text.split('.').next()?.parse().ok()?;
    u32::try_from(milliseconds / 1000).ok().map(Time)
}

fn now() -> Time {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let seconds = since.map_or(0, |since| since.as_secs());
    Time(u32::try_from(seconds).unwrap_or(u32::MAX))
}

/// The region in a queue's URL: `https://sqs.REGION.amazonaws.com/…`; of others none.
fn region(url: &str) -> Option<&str> {
    let host = url.split('/').nth(2)?;
    let (service, rest) = host.split_once('.')?;
    let (region, rest) = rest.split_once('.')?;
    (service == "sqs" && rest.starts_with("amazonaws.com")).then_some(region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_says_where_it_is() {
        let url = |host: &str| format!("https://{host}/111111111111/q");
        assert_eq!(region(&url("sqs.eu-west-1.amazonaws.com")), Some("eu-west-1"));
        assert_eq!(
            region(&url("sqs.cn-north-1.amazonaws.com.cn")),
            Some("cn-north-1")
        );
        assert_eq!(region("http://localhost:5000/111111111111/q"), None);
    }
}
