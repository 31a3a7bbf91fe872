//! Opens the listeners: where they may be, and what happens when a port is taken.

use std::io::ErrorKind;
use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::exit::Failure;

/// A place to listen: given on the command line, or a default that may move.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// The option that sets it, for messages.
    pub(crate) option: &'static str,
    /// What was given.
    pub(crate) given: Option<SocketAddr>,
    /// Otherwise here.
    pub(crate) default: SocketAddr,
}

/// An open listener.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) listener: TcpListener,
    pub(crate) address: SocketAddr,
    /// Set when a taken default port was replaced.
    pub(crate) notice: Option<String>,
}

impl Place {
    /// Refuses an address that other machines can reach, unless that is wanted.
    pub(crate) fn check(&self, allow_remote: bool) -> Result<(), Failure> {
        match self.given {
            Some(address) if !allow_remote && !address.ip().is_loopback() => Err(Failure::usage(format!(
                "{} {address}: other machines could reach this; add --allow-remote if they may",
                self.option
            ))),
            _ => Ok(()),
        }
    }

    /// Opens it. A taken default port is replaced by a free one; a taken given one is an error.
    pub(crate) async fn open(&self) -> Result<Opened, Failure> {
        let wanted = self.given.unwrap_or(self.default);
        match TcpListener::bind(wanted).await {
            Ok(listener) => self.opened(listener, None),
            Err(error) if self.given.is_none() && error.kind() == ErrorKind::AddrInUse => {
                let free = SocketAddr::new(wanted.ip(), 0);
                let listener = TcpListener::bind(free)
                    .await
                    .map_err(|error| self.failed(free, &error))?;
                self.opened(listener, Some(wanted))
            }
            Err(error) => Err(self.failed(wanted, &error)),
        }
    }

    fn opened(&self, listener: TcpListener, taken: Option<SocketAddr>) -> Result<Opened, Failure> {
        let address = listener
            .local_addr()
            .map_err(|error| self.failed(self.default, &error))?;
        let notice = taken.map(|taken| format!("{taken} is taken, so {address} is used instead ({})", self.option));
        Ok(Opened {
            listener,
            address,
            notice,
        })
    }

    fn failed(&self, address: SocketAddr, error: &std::io::Error) -> Failure {
        Failure::unavailable(format!("{} {address}: {error}", self.option))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(given: Option<SocketAddr>, default: SocketAddr) -> Place {
        Place {
            option: "--listen",
            given,
            default,
        }
    }

    async fn taken() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    #[tokio::test]
    async fn a_taken_default_moves_and_says_so() {
        let (_held, default) = taken().await;
        let opened = place(None, default).open().await.unwrap();
        assert_ne!(opened.address, default);
        assert_eq!(
            opened.notice,
            Some(format!(
                "{default} is taken, so {} is used instead (--listen)",
                opened.address
            ))
        );
    }

    #[tokio::test]
    async fn a_taken_given_port_is_an_error() {
        let (_held, given) = taken().await;
        let failure = place(Some(given), "127.0.0.1:0".parse().unwrap())
            .open()
            .await
            .unwrap_err();
        assert!(matches!(failure, Failure::Unavailable(why) if why.starts_with(&format!("--listen {given}: "))));
    }

    #[tokio::test]
    async fn port_0_is_any_free_port_and_nothing_to_talk_about() {
        let opened = place(Some("127.0.0.1:0".parse().unwrap()), "127.0.0.1:9000".parse().unwrap())
            .open()
            .await
            .unwrap();
        assert_ne!(opened.address.port(), 0);
        assert_eq!(opened.notice, None);
    }

    #[test]
    fn beyond_loopback_only_when_wanted() {
        let default = "127.0.0.1:9000".parse().unwrap();
        for (address, remote) in [
            ("127.0.0.1:1", false),
            ("[::1]:1", false),
            ("0.0.0.0:1", true),
            ("10.1.2.3:1", true),
        ] {
            let place = place(Some(address.parse().unwrap()), default);
            assert_eq!(place.check(false).is_err(), remote, "{address}");
            assert!(place.check(true).is_ok(), "{address}");
        }
        assert!(place(None, default).check(false).is_ok());
    }
}
