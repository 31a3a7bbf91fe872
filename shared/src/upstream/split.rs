//! A route's requests split among several services: a canary beside what it is to replace.

use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderName;

use super::trace::random_below;
use crate::auth::Identity;
use crate::auth::carriers::cookies;
use crate::config::UpstreamCall;
use crate::request::Request;
use crate::sha256::sha256;
use crate::subscriber::subscriber;

#[cfg(test)]
mod tests;

/// `split` of a route.
#[derive(Clone, Debug)]
pub struct Split {
    /// In file order; at least one.
    pub shares: Vec<Share>,
    /// What always goes to the same service; without it each request goes anywhere.
    pub sticky: Option<Sticky>,
    /// The route's id: who is in the canary of one route is not therefore in all others.
    pub seed: Arc<str>,
}

/// One of the services.
#[derive(Clone, Debug)]
pub struct Share {
    /// How it is called.
    pub call: UpstreamCall,
    /// How many requests it gets: this out of the sum of all; 0 for none, while a canary is taken back.
    pub weight: u32,
}

/// `sticky`: requests that have one value go to one service, in every function environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sticky {
    /// Who the caller is: `sub`, and by whose word.
    User,
    /// The client's address; IPv6 by /64.
    ClientIp,
    /// A request header, as it is once identity headers are set.
    Header(HeaderName),
    /// A cookie.
    Cookie(String),
}

impl Split {
    /// The call of a request: by what it is sticky to, else by chance. Also by chance where the request has no such value.
    pub fn choose(&self, request: &Request, identity: Option<&Identity>) -> &UpstreamCall {
        let value = self.sticky.as_ref().and_then(|sticky| sticky.value(request, identity));
        let all: u64 = self.shares.iter().map(|share| u64::from(share.weight)).sum();
        let place = match value {
            Some(value) => place_of(&self.seed, &value, all),
            None => random_below(all),
        };
        let mut end = 0;
        let within = |share: &&Share| {
            end += u64::from(share.weight);
            place < end
        };
        &self.shares.iter().find(within).unwrap_or(&self.shares[0]).call
    }
}

/// Where a value falls among so many places. Shares that grow keep what they had as long as those before them shrink: the
/// place is a fraction of the whole, whatever the whole is.
fn place_of(seed: &str, value: &[u8], places: u64) -> u64 {
    // The length keeps seed and value apart.
    let text = [&(seed.len() as u64).to_be_bytes()[..], seed.as_bytes(), value].concat();
    let hash = sha256(&text);
    let fraction = hash[..8]
        .iter()
        .fold(0_u128, |whole, byte| (whole << 8) | u128::from(*byte));
    u64::try_from((fraction * u128::from(places)) >> 64).unwrap_or_default()
}

impl Sticky {
    fn value(&self, request: &Request, identity: Option<&Identity>) -> Option<Vec<u8>> {
        match self {
            Self::User => {
                let (by, sub) = identity.and_then(Identity::user)?;
                Some(format!("{}:{by}{sub}", by.len()).into_bytes())
            }
            Self::ClientIp => Some(match subscriber(request.client_ip) {
                IpAddr::V4(address) => address.octets().to_vec(),
                IpAddr::V6(address) => address.octets().to_vec(),
            }),
            Self::Header(name) => {
                let value = request.headers.get(name)?.as_bytes();
                (!value.is_empty()).then(|| value.to_vec())
            }
            Self::Cookie(name) => {
                let value = cookies(&request.headers, name).next()?;
                (!value.is_empty()).then(|| value.to_vec())
            }
        }
    }
}
