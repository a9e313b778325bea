//! CloudTrail's files in S3: what is needed of a prefix is listed ([`list`]), and fetched ahead of who reads it.
//!
//! Objects are asked for in the order in which they will be read, many at a time, as long as what was fetched and not yet read
//! is below a limit of bytes. Large ones come in parts beside each other.

mod list;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use futures::{StreamExt, TryStreamExt};
use sv0_evidence::source::{Listing, Object, Source, SourceError};
use sv0_evidence::time::{Time, Window};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::{Aws, CALLS, Line, refused};
use crate::call::Call;
use crate::failure::Failure;
use crate::guard::GuardOf;
use crate::service::s3::{GET_LOCATION, region};

pub(crate) const LIST_OBJECTS: Call = Call {
    operation: "ListObjectsV2",
    actions: &["s3:ListBucket"],
    absent: &[],
    without: "CloudTrail's files cannot be found",
};
pub(crate) const GET_OBJECT: Call = Call {
    operation: "GetObject",
    actions: &["s3:GetObject"],
    absent: &[],
    without: "CloudTrail's files cannot be read",
};

/// What was fetched and waits to be read, in KiB, and what is on its way.
const ROOM: usize = 96 << 10;
/// Objects larger than this come in parts of this size; most of CloudTrail's are far smaller.
const PART: u64 = 8 << 20;
/// Parts of one object at a time.
const PARTS_BESIDE: usize = 4;

/// A prefix of a bucket.
pub struct Bucket {
    aws: Aws,
    files: Arc<Files>,
    prefix: String,
    /// `s3://bucket/prefix`, as it was given.
    place: String,
    /// To whoever fetches, in the order of reading.
    orders: mpsc::UnboundedSender<Order>,
    coming: Mutex<HashMap<String, oneshot::Receiver<Fetched>>>,
}

/// A bucket and how to ask for it.
struct Files {
    line: Line,
    client: aws_sdk_s3::Client,
    bucket: String,
    region: String,
}

/// An object that will be read.
struct Order {
    object: Object,
    to: oneshot::Sender<Fetched>,
}

/// Bytes, and the room that they take until they are read.
type Fetched = (io::Result<Vec<u8>>, OwnedSemaphorePermit);

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

impl Bucket {
    /// Finds out in which region a bucket is.
    pub(super) fn open(aws: &Aws, bucket: &str, prefix: &str) -> Result<Self, SourceError> {
        let place = format!("s3://{bucket}/{prefix}");
        let line = &aws.line;
        let first = client(line, None);
        let home = line.config(None);
        let home = home
            .region()
            .map_or("us-east-1", |region| region.as_ref())
            .to_owned();
        let asked = aws.wait(line.send((&home, "s3"), &GET_LOCATION, || {
            first.get_bucket_location().bucket(bucket).send()
        }));
        let region = match asked {
            Ok(answer) => region(&answer),
            Err(failure) if failure.code == "NoSuchBucket" => {
                return Err(refused(&place, &GET_LOCATION, &failure));
            }
            // The bucket's owner need not let others know; it may well be where we are.
            Err(failure) => {
                tracing::debug!(failure = %failure.message, "the bucket's region is not known");
                home
            }
        };
        let files = Arc::new(Files {
            client: client(line, Some(&region)),
            line: line.clone(),
            bucket: bucket.to_owned(),
            region,
        });
        let (orders, waiting) = mpsc::unbounded_channel();
        aws.runtime.spawn(fetch_in_order(Arc::clone(&files), waiting));
        Ok(Self {
            aws: aws.clone(),
            files,
            prefix: prefix.to_owned(),
            place,
            orders,
            coming: Mutex::default(),
        })
    }

    fn listed(&self, window: Window, from: Time) -> Result<Listing, SourceError> {
        self.aws
            .wait(list::list(&self.files, &self.prefix, window, from))
            .map_err(|failure| refused(&self.place, &LIST_OBJECTS, &failure))
    }
}

fn client(line: &Line, region: Option<&str>) -> aws_sdk_s3::Client {
    let config = line.config(region);
    let own_endpoint = config.endpoint_url().is_some();
    aws_sdk_s3::Client::from_conf(
        aws_sdk_s3::config::Builder::from(&config)
            .interceptor(GuardOf(CALLS))
            .force_path_style(own_endpoint)
            .build(),
    )
}

impl Source for Bucket {
    fn list(&self, window: Window) -> Result<Listing, SourceError> {
        self.listed(window, Time::MIN)
    }

    fn list_from(&self, window: Window, from: Time) -> Result<Listing, SourceError> {
        self.listed(window, from)
    }

    fn ahead(&self, objects: &[Object]) {
        let mut coming = self.coming.lock().unwrap_or_else(PoisonError::into_inner);
        for object in objects {
            let (to, from) = oneshot::channel();
            let order = Order {
                object: object.clone(),
                to,
            };
            // Where nobody fetches any more, `fetch` does it itself.
            if self.orders.send(order).is_ok() {
                coming.insert(object.name.clone(), from);
            }
        }
    }

    fn fetch(&self, object: &Object, bytes: &mut Vec<u8>) -> io::Result<()> {
        let coming = {
            let mut coming = self.coming.lock().unwrap_or_else(PoisonError::into_inner);
            coming.remove(&object.name)
        };
        let fetched = match coming {
            Some(coming) => self.aws.wait(coming).ok().map(|(bytes, _room)| bytes),
            None => None,
        };
        *bytes = match fetched {
            Some(fetched) => fetched?,
            None => self.aws.wait(self.files.fetch(object))?,
        };
        Ok(())
    }
}

/// Fetches what is ordered, one begun after another, as long as there is room. In order, because who reads waits for the
/// first of its objects: were later ones let in before, they could take the room that it needs.
async fn fetch_in_order(files: Arc<Files>, mut orders: mpsc::UnboundedReceiver<Order>) {
    let room = Arc::new(Semaphore::new(ROOM));
    while let Some(Order { object, to }) = orders.recv().await {
        let size = usize::try_from(object.size >> 10).unwrap_or(ROOM).clamp(4, ROOM);
        let Ok(room) = Arc::clone(&room)
            .acquire_many_owned(u32::try_from(size).unwrap_or(u32::MAX))
            .await
        else {
            return;
        };
        let files = Arc::clone(&files);
        tokio::spawn(async move {
            let fetched = files.fetch(&object).await;
            // Whoever ordered it may have gone.
            let _ = to.send((fetched, room));
        });
    }
}

impl Files {
    /// All bytes of an object.
    async fn fetch(&self, object: &Object) -> io::Result<Vec<u8>> {
        let start = format!("s3://{}/", self.bucket);
        let key = object.name.strip_prefix(&start).unwrap_or(&object.name);
        let got = if object.size <= PART {
            self.get(key, None, None).await
        } else {
            let parts = (0..object.size.div_ceil(PART)).map(|at| {
                let (from, to) = (at * PART, ((at + 1) * PART).min(object.size) - 1);
                // All parts are of the object that was listed, or none is.
                self.get(key, Some(format!("bytes={from}-{to}")), Some(object.tag.as_str()))
            });
            futures::stream::iter(parts)
                .buffered(PARTS_BESIDE)
                .try_collect::<Vec<Vec<u8>>>()
                .await
                .map(|parts| parts.concat())
        };
        got.map_err(|failure| io::Error::other(format!("{}: {}", GET_OBJECT.action(), failure.message)))
    }

    async fn get(&self, key: &str, range: Option<String>, tag: Option<&str>) -> Result<Vec<u8>, Failure> {
        let range = &range;
        let request = || async move {
            let answer = self
                .client
                .get_object()
                .bucket(&self.bucket)
                .key(key)
                .set_range(range.clone())
                .set_if_match(tag.map(str::to_owned))
                .send()
                .await?;
            let body = answer.body.collect().await.map_err(broken_off)?;
            Ok::<_, SdkError<GetObjectError, HttpResponse>>(body.to_vec())
        };
        self.line.send((&self.region, "s3"), &GET_OBJECT, request).await
    }
}

/// A body that ends early is a connection that broke, and worth another try.
fn broken_off(
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> SdkError<GetObjectError, HttpResponse> {
    SdkError::dispatch_failure(ConnectorError::io(error.into()))
}
