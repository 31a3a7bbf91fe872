//! Where `tollgate dev` listens.

use std::net::{Ipv4Addr, SocketAddr};

use crate::args::DevOptions;
use crate::dev::listen::Place;
use crate::exit::Failure;

/// One for each listener.
pub(crate) struct Places {
    pub(crate) front: Place,
    /// Only where it is asked for.
    pub(crate) admin: Option<Place>,
    pub(crate) invoke: Place,
    pub(crate) database: Place,
    pub(crate) provider: Place,
}

impl Places {
    /// What the command line says, and defaults.
    pub(crate) fn of(options: &DevOptions) -> Result<Self, Failure> {
        let place = |option, given, port| {
            let place = Place {
                option,
                given,
                default: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            };
            place.check(options.allow_remote).map(|()| place)
        };
        Ok(Self {
            front: place("--listen", options.listen, 9000)?,
            admin: match options.admin {
                Some(given) => Some(place("--admin", Some(given), 0)?),
                None => None,
            },
            invoke: place("--invoke-listen", options.invoke_listen, 9001)?,
            database: place("--dynamodb-listen", options.dynamodb_listen, 8000)?,
            provider: place("--idp-listen", options.idp_listen, 9003)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::tests::dev;

    #[test]
    fn there_is_no_admin_api_unless_it_is_asked_for() {
        let places = |line: &[&str]| Places::of(&dev(line));
        assert!(places(&["tollgate"]).unwrap().admin.is_none());
        let asked = places(&["tollgate", "--admin", "127.0.0.1:9005"])
            .unwrap()
            .admin
            .unwrap();
        assert_eq!(asked.given, Some("127.0.0.1:9005".parse().unwrap()));
    }

    #[test]
    fn no_listener_is_beyond_loopback_by_chance() {
        for option in [
            "--listen",
            "--admin",
            "--invoke-listen",
            "--dynamodb-listen",
            "--idp-listen",
        ] {
            let line = ["tollgate", option, "192.0.2.1:9005"];
            assert!(Places::of(&dev(&line)).is_err(), "{option}");
            let wanted = [&line[..], &["--allow-remote"]].concat();
            assert!(Places::of(&dev(&wanted)).is_ok(), "{option}");
        }
    }
}
