//! Who may come by the address alone.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::config::Pointer;
use crate::error::GatewayError;

/// `ip`, checked.
#[derive(Clone, Debug)]
pub struct IpRules {
    /// If there, only who is in it may come.
    pub allow: Option<Networks>,
    /// Who is in it may not, whatever `allow` says.
    pub deny: Option<Networks>,
}

/// Addresses and networks. Those of IPv4 in IPv6 form (`::ffff:0:0/96`) are written as IPv4, as client addresses are.
#[derive(Clone, Debug)]
pub struct Networks {
    /// The networks; an address is one of a single address.
    pub networks: Vec<IpNet>,
    /// Where they stand.
    pub pointer: Pointer,
}

impl IpRules {
    /// Whether a request from this address may go on.
    ///
    /// # Errors
    /// `AddressRefused`, which names the list that refused it.
    pub fn check(&self, client: IpAddr) -> Result<(), GatewayError> {
        if let Some(deny) = self.deny.as_ref().filter(|deny| deny.contain(client)) {
            return Err(deny.refused("the client's address is in this list"));
        }
        match self.allow.as_ref().filter(|allow| !allow.contain(client)) {
            Some(allow) => Err(allow.refused("the client's address is not in this list")),
            None => Ok(()),
        }
    }
}

impl Networks {
    fn contain(&self, client: IpAddr) -> bool {
        let client = client.to_canonical();
        self.networks.iter().any(|network| network.contains(&client))
    }

    fn refused(&self, why: &'static str) -> GatewayError {
        GatewayError::AddressRefused {
            why,
            at: self.pointer.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(pointer: &str, list: &[&str]) -> Option<Networks> {
        let networks = list.iter().map(|text| text.parse().expect("a network")).collect();
        let pointer = Pointer::new(pointer);
        (!list.is_empty()).then_some(Networks { networks, pointer })
    }

    /// The place that refuses this address.
    fn refused(allow: &[&str], deny: &[&str], client: &str) -> Option<String> {
        let rules = IpRules {
            allow: networks("/ip/allow", allow),
            deny: networks("/ip/deny", deny),
        };
        let outcome = rules.check(client.parse().expect("an address"));
        outcome
            .err()
            .map(|error| error.at().expect("a place").as_str().to_owned())
    }

    #[test]
    fn deny_wins_and_allow_lets_nobody_else_in() {
        let allow = ["192.0.2.0/24", "2001:db8::/32"];
        let deny = ["192.0.2.128/25", "2001:db8:bad::/48"];
        for (client, place) in [
            ("192.0.2.1", None),
            ("192.0.2.128", Some("/ip/deny")),
            ("192.0.3.1", Some("/ip/allow")),
            ("2001:db8::1", None),
            ("2001:db8:bad::1", Some("/ip/deny")),
            ("2001:db9::1", Some("/ip/allow")),
            ("::ffff:192.0.2.1", None),
            ("::ffff:192.0.2.200", Some("/ip/deny")),
            // Not a mapped address, though it ends like one.
            ("::192.0.2.1", Some("/ip/allow")),
            ("0.0.0.0", Some("/ip/allow")),
        ] {
            assert_eq!(refused(&allow, &deny, client).as_deref(), place, "{client}");
        }
    }

    #[test]
    fn either_list_may_stand_alone() {
        assert_eq!(refused(&[], &["192.0.2.7/32"], "192.0.2.8"), None);
        assert_eq!(
            refused(&[], &["192.0.2.7/32"], "192.0.2.7").as_deref(),
            Some("/ip/deny")
        );
        assert_eq!(refused(&["192.0.2.7/32"], &[], "192.0.2.7"), None);
        assert_eq!(
            refused(&["0.0.0.0/0"], &[], "2001:db8::1").as_deref(),
            Some("/ip/allow")
        );
        assert_eq!(refused(&[], &["::/0"], "192.0.2.7"), None);
    }
}
