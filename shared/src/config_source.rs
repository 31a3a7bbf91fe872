//! The config of a function, from wherever it is kept: read at the start, and read again while it is served.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use http::HeaderValue;

use crate::aws::{Access, AwsClient, AwsError};
use crate::clock::Clock;
use crate::config::{Checked, Document, Mistakes, Origin};
use crate::upstream::client::HttpClient;

#[cfg(test)]
mod tests;

/// Reads the variables of an environment.
pub type Variables = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Where a config is, and how it is read.
pub struct ConfigSource {
    origin: Origin,
    variables: Variables,
    aws: Result<AwsClient, Vec<String>>,
}

/// A config as it was found, with the secrets that it names. `Debug` shows neither.
#[derive(Clone, PartialEq, Eq)]
pub struct Found {
    document: Document,
    /// By which its keeper tells it from another; `None` for one that is here.
    version: Option<HeaderValue>,
    /// By the name that stands in placeholders.
    secrets: BTreeMap<String, String>,
}

/// Why a config was not read: what was looked for, what came of it, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRead {
    /// It is no document.
    #[error(transparent)]
    Wrong(#[from] Mistakes),
    /// AWS has not given it.
    #[error("{what}: {why}{}", remedy(.why, .action))]
    NotGiven {
        /// The parameter, object or secret.
        what: String,
        /// What AWS says.
        why: AwsError,
        /// What the function's role has to allow.
        action: &'static str,
    },
    /// AWS cannot be asked.
    #[error("{what} cannot be read: {}", .mistakes.join("; "))]
    NoAccess {
        /// The parameter, object or secret.
        what: String,
        /// What is missing in the environment.
        mistakes: Vec<String>,
    },
}

impl ConfigSource {
    /// Where `GATEWAY_CONFIG` says; AWS is called by `client`, at the time that `clock` has.
    ///
    /// # Errors
    /// It says nothing that is known, or the document that is here cannot be read.
    pub fn from_environment(
        variables: Variables,
        client: Arc<dyn HttpClient>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Mistakes> {
        let origin = Origin::from_environment(&*variables)?;
        let aws = Access::from_environment(&*variables).map(|access| AwsClient::new(access, client, clock));
        Ok(Self { origin, variables, aws })
    }

    /// Whether it may be another one the next time it is read.
    pub fn may_change(&self, found: &Found) -> bool {
        !matches!(self.origin, Origin::Here(_)) || !found.secrets.is_empty()
    }

    /// Its name in messages.
    pub fn name(&self) -> String {
        match &self.origin {
            Origin::Here(document) => document.name().to_owned(),
            Origin::Parameter(name) => format!("ssm:{name}"),
            Origin::Object(place) => format!("s3://{}/{}", place.bucket, place.key),
        }
    }

    /// Reads it, and the secrets that it names. `known` saves reading what is still the same.
    ///
    /// # Errors
    /// All of [`NotRead`].
    pub async fn read(&self, known: Option<&Found>) -> Result<Found, NotRead> {
        let (document, version) = match &self.origin {
            Origin::Here(document) => (document.clone(), None),
            Origin::Parameter(name) => {
                let what = format!("the parameter {name} of Parameter Store");
                let parameter = self.aws(&what)?.parameter(name).await;
                let parameter = parameter.map_err(|why| not_given(what, why, "ssm:GetParameter"))?;
                let document = Document::new(&self.name(), &parameter.value)?;
                (document, Some(HeaderValue::from(parameter.version)))
            }
            Origin::Object(place) => {
                let what = format!("the object {}", self.name());
                let version = known.and_then(|known| known.version.as_ref());
                let object = self.aws(&what)?.object(place, version).await;
                match (object, known) {
                    (Ok(Some(object)), _) => (Document::from_bytes(&self.name(), &object.bytes)?, object.version),
                    (Ok(None), Some(known)) => (known.document.clone(), known.version.clone()),
                    (Ok(None), None) => {
                        let why =
                            AwsError::Unreadable("S3 says that it has not changed, and nobody has asked".to_owned());
                        return Err(not_given(what, why, "s3:GetObject"));
                    }
                    (Err(why), _) => return Err(not_given(what, why, "s3:GetObject")),
                }
            }
        };
        let mut secrets = BTreeMap::new();
        for placeholder in document.secrets() {
            if let Some(secret) = self.secret(&placeholder).await? {
                secrets.insert(placeholder, secret);
            }
        }
        Ok(Found {
            document,
            version,
            secrets,
        })
    }

    /// Reads and checks a config that was found.
    ///
    /// # Errors
    /// Every mistake of it.
    pub fn check(&self, found: &Found) -> Result<Checked, Mistakes> {
        found.document.check(&|name| {
            let secret = found.secrets.get(name).cloned();
            secret.or_else(|| (self.variables)(name))
        })
    }

    /// `None`: a variable takes its place.
    async fn secret(&self, placeholder: &str) -> Result<Option<String>, NotRead> {
        let Some(name) = Document::secret_to_read(placeholder, &*self.variables) else {
            return Ok(None);
        };
        let (id, member) = match name.split_once('#') {
            Some((id, member)) => (id, Some(member)),
            None => (name, None),
        };
        let what = format!("the secret {id} of Secrets Manager");
        let secret = self.aws(&what)?.secret(id, member).await;
        let secret = secret.map_err(|why| not_given(what, why, "secretsmanager:GetSecretValue"))?;
        Ok(Some(secret))
    }

    fn aws(&self, what: &str) -> Result<&AwsClient, NotRead> {
        self.aws.as_ref().map_err(|mistakes| NotRead::NoAccess {
            what: what.to_owned(),
            mistakes: mistakes.clone(),
        })
    }
}

impl Found {
    /// By which its keeper tells it from another, for the log.
    pub fn version(&self) -> Option<&str> {
        self.version.as_ref().and_then(|version| version.to_str().ok())
    }
}

impl fmt::Debug for ConfigSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigSource")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

fn not_given(what: String, why: AwsError, action: &'static str) -> NotRead {
    NotRead::NotGiven { what, why, action }
}

/// What to do about it, as the end of a sentence.
fn remedy(why: &AwsError, action: &str) -> String {
    match why {
        AwsError::Unreachable(..) => {
            "; in a VPC the function needs an endpoint of that service, or a way out; elsewhere look whether the region has it"
                .to_owned()
        }
        AwsError::Refused { code, .. } if code.starts_with("AccessDenied") => {
            format!("; allow the function's role {action} on it, and kms:Decrypt on the key it is encrypted with")
        }
        AwsError::Refused { code, .. } if code.contains("NotFound") || code.starts_with("NoSuch") => {
            "; make it in this region, or name another".to_owned()
        }
        AwsError::Refused { .. } | AwsError::Unreadable(_) => String::new(),
    }
}
