//! S3.

use bytes::Bytes;
use http::header::{ETAG, IF_NONE_MATCH};
use http::{HeaderValue, Request, Response, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use super::{AwsClient, AwsError, Service, host_of};

/// What S3 wants escaped in a key (Amazon S3 API Reference, "Signature Calculations": `UriEncode`).
const IN_KEY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// Which object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectPlace {
    /// The bucket's name.
    pub bucket: String,
    /// The object's, without a slash in front.
    pub key: String,
}

impl ObjectPlace {
    /// `s3://BUCKET/KEY`.
    ///
    /// # Errors
    /// What is wrong with it, ready to be shown (Amazon S3 User Guide, "General purpose bucket naming rules").
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = text.strip_prefix("s3://").and_then(|rest| rest.split_once('/'));
        let Some((bucket, key)) = parts.filter(|(_, key)| !key.is_empty()) else {
            return Err(format!("{text:?} names no object: write s3://BUCKET/KEY"));
        };
        if key.split('/').any(|segment| matches!(segment, "." | "..")) {
            return Err(format!(
                "{text:?} has a segment `.` or `..`, which URLs do not keep: name the object otherwise"
            ));
        }
        let is_of_bucket = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
        match (3..=63).contains(&bucket.len()) && bucket.bytes().all(is_of_bucket) {
            true => Ok(Self {
                bucket: bucket.to_owned(),
                key: key.to_owned(),
            }),
            false => Err(format!(
                "{bucket:?} is no name of a bucket: 3 to 63 lower-case letters, digits, dots and hyphens"
            )),
        }
    }
}

/// An object as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// All of it.
    pub bytes: Bytes,
    /// Its `ETag`.
    pub version: Option<HeaderValue>,
}

impl AwsClient {
    /// Reads an object: `GetObject`, Amazon S3 API Reference. `None`: it is still the one of this version.
    ///
    /// # Errors
    /// All of [`AwsError`]; `NoSuchKey`, `NoSuchBucket` and `AccessDenied` are the codes of the likely ones. Without the
    /// right to list the bucket, S3 answers `AccessDenied` for a key that is not there.
    pub async fn object(&self, place: &ObjectPlace, version: Option<&HeaderValue>) -> Result<Option<Object>, AwsError> {
        let url = self.url(place)?;
        let mut request = Request::new(Bytes::new());
        if let Some(version) = version {
            request.headers_mut().insert(IF_NONE_MATCH, version.clone());
        }
        let answer = self.send(Service::S3, &url, request).await?;
        match answer.status() {
            StatusCode::OK => Ok(Some(Object {
                version: answer.headers().get(ETAG).cloned(),
                bytes: answer.into_body(),
            })),
            StatusCode::NOT_MODIFIED => Ok(None),
            _ => Err(refused(&url, &answer)),
        }
    }

    /// The bucket in the host; in the path where its name has dots, which no certificate covers, and at other endpoints.
    fn url(&self, place: &ObjectPlace) -> Result<Url, AwsError> {
        let endpoint = self.access.endpoint(Service::S3);
        let mut url = endpoint.url.clone();
        let in_path = endpoint.is_given || place.bucket.contains('.');
        let key = utf8_percent_encode(&place.key, IN_KEY);
        let unreadable = || AwsError::Unreadable(format!("{:?} is no name of a bucket", place.bucket));
        if in_path {
            url.set_path(&format!("{}/{}/{key}", url.path().trim_end_matches('/'), place.bucket));
        } else {
            let host = format!("{}.{}", place.bucket, url.host_str().unwrap_or_default());
            url.set_host(Some(&host)).map_err(|_| unreadable())?;
            url.set_path(&key.to_string());
        }
        Ok(url)
    }
}

/// S3 refuses in XML; of that only the code is of use.
fn refused(url: &Url, answer: &Response<Bytes>) -> AwsError {
    let text = String::from_utf8_lossy(answer.body());
    let within = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        let (inside, _) = rest.split_once(&format!("</{name}>"))?;
        Some(inside.to_owned())
    };
    AwsError::Refused {
        host: host_of(url),
        status: answer.status().as_u16(),
        code: within("Code").unwrap_or_default(),
        message: within("Message"),
    }
}
