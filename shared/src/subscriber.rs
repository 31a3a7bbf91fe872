//! Whom a client's address stands for.

use std::net::{IpAddr, Ipv6Addr};

/// The address of a client's subscriber: an IPv6 address without its host half, because one subscriber commonly gets a whole
/// /64 (RFC 6177) and could take a new address for each request; an IPv4-mapped address (RFC 4291 section 2.5.5.2) as the
/// IPv4 address that it is.
pub fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_subscriber_has_many_addresses_and_an_ipv4_one_has_one() {
        let of = |address: &str| subscriber(address.parse().expect("an address")).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("2001:db8:1:3::6"), "2001:db8:1:3::");
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
    }
}
