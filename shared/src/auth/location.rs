//! Whom to ask about credentials: addresses that nobody can speak for on the way.

use url::{Host, Position, Url};

/// An address for a log: without its query, which may hold a secret.
pub(crate) fn shown(url: &Url) -> &str {
    &url[..Position::AfterPath]
}

/// Whether an address may be asked: https, or http to this machine itself; with a host, and without a user, a password or
/// a fragment. Whoever can change the answer on its way can be anybody.
///
/// The error is the end of a sentence that begins with the address.
pub(crate) fn trusted(url: &Url) -> Result<(), &'static str> {
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if url.scheme() != "https" && !(url.scheme() == "http" && loopback) {
        return Err("must be https: who can change the answer can be anybody");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("has a user or a password in it, which is never sent");
    }
    if url.fragment().is_some() {
        return Err("has a fragment (#...), which is never sent");
    }
    Ok(())
}
