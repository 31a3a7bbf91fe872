//! Somebody whom limits count, named by hand: the parts of a config's `key`, each with the value that the caller has in
//! it. An administrator finds counters by it; the gateway itself counts by requests ([`super::Subject::of`]).

use std::net::IpAddr;

use http::{HeaderName, HeaderValue};

use super::KeyPart;
use super::subject::{self, Subject};
use crate::api_key::ApiKey;
use crate::auth::ClaimPath;

/// The most parts of a key.
const MOST_PARTS: usize = 8;

/// The parts of a key, in the order of the config, with a caller's values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyValues(Vec<KeyValue>);

/// A part with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum KeyValue {
    Header(HeaderName, HeaderValue),
    ClientIp(IpAddr),
    Claim(ClaimPath, String),
    Route(String),
    /// The key's id.
    ApiKey(String),
    User {
        by: String,
        sub: String,
    },
}

/// Where the items of a caller are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// What is counted by: `api_key`, `header:x-user-id,route`; `plan` for whoever has a plan.
    pub by: String,
    /// The partition key.
    pub pk: String,
}

impl KeyValues {
    /// Reads parts such as `api_key=4fKq0ZbYw2Lr`, `header:X-User-Id=usr_1`, `claim:org.id=7`, `client_ip=192.0.2.1`,
    /// `route=orders` and `user=ISSUER SUB` (the method's name or type where credentials name no issuer).
    ///
    /// # Errors
    /// What is wrong with which of them, without its value; ready to be shown.
    pub fn parse<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Self, String> {
        let parts: Vec<KeyValue> = texts.into_iter().map(part).collect::<Result<_, _>>()?;
        match parts.len() {
            1..=MOST_PARTS => Ok(Self(parts)),
            _ => Err(format!(
                "1 to {MOST_PARTS} parts say whose usage it is, such as api_key=4fKq0ZbYw2Lr"
            )),
        }
    }

    /// Who it is in items and logs.
    pub fn subject(&self) -> Subject {
        Subject::of_values(&self.0)
    }

    /// Where what was counted of it stands: by this key, and for a holder of plans by those too.
    pub fn partitions(&self) -> Vec<Partition> {
        let key: Vec<KeyPart> = self.0.iter().map(KeyValue::part).collect();
        let holder = matches!(key[..], [KeyPart::ApiKey | KeyPart::User]);
        let plan = holder.then(|| vec![KeyPart::PlanHolder]);
        let subject = self.subject();
        let partition = |key: Vec<KeyPart>| Partition {
            by: subject::names(&key),
            pk: subject::partition_key(&key, &subject),
        };
        [key].into_iter().chain(plan).map(partition).collect()
    }
}

impl KeyValue {
    fn part(&self) -> KeyPart {
        match self {
            Self::Header(name, _) => KeyPart::Header(name.clone()),
            Self::ClientIp(_) => KeyPart::ClientIp,
            Self::Claim(path, _) => KeyPart::Claim(path.clone()),
            Self::Route(_) => KeyPart::Route,
            Self::ApiKey(_) => KeyPart::ApiKey,
            Self::User { .. } => KeyPart::User,
        }
    }
}

/// The first `=` ends the part: claims with one in their name cannot be written so. A text that names no part is not
/// repeated: it may be a secret.
fn part(text: &str) -> Result<KeyValue, String> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let part = match (name.split_once(':'), name) {
        (Some(("header", header)), _) => header_value(header, value),
        (Some(("claim", path)), _) => ClaimPath::parse(path).map(|path| KeyValue::Claim(path, value.to_owned())),
        (None, "client_ip") => client_ip(value),
        (None, "route") => Ok(KeyValue::Route(value.to_owned())),
        (None, "api_key") => api_key(value),
        (None, "user") => user(value),
        _ => {
            return Err(
                "write PART=VALUE, the part as `key` in a config has it: client_ip, route, api_key, user, \
                        header:NAME or claim:NAME"
                    .to_owned(),
            );
        }
    };
    let part = part.map_err(|why| format!("{}: {why}", name.escape_debug()));
    part.and_then(|part| match value.is_empty() {
        true => Err(format!("{}: the value is missing", name.escape_debug())),
        false => Ok(part),
    })
}

fn header_value(name: &str, value: &str) -> Result<KeyValue, String> {
    let name = HeaderName::try_from(name).map_err(|_| "this is no name of a header")?;
    let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| "no header can have this value")?;
    Ok(KeyValue::Header(name, value))
}

fn client_ip(value: &str) -> Result<KeyValue, String> {
    let address = value.parse().map_err(|_| "the value is an IP address")?;
    Ok(KeyValue::ClientIp(address))
}

fn api_key(value: &str) -> Result<KeyValue, String> {
    match ApiKey::is_id(value) {
        true => Ok(KeyValue::ApiKey(value.to_owned())),
        false => Err("the value is the key's id: the 12 letters and digits between `tg_` and the next `_`".to_owned()),
    }
}

fn user(value: &str) -> Result<KeyValue, String> {
    match value.split_once(' ') {
        Some((by, sub)) if !by.is_empty() && !sub.is_empty() => Ok(KeyValue::User {
            by: by.to_owned(),
            sub: sub.to_owned(),
        }),
        _ => {
            Err("the value is `ISSUER SUB`; where credentials name no issuer, the method's name or type SUB".to_owned())
        }
    }
}

#[cfg(test)]
mod tests;
