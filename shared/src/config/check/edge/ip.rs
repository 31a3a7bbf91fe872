//! `ip`.

use ipnet::IpNet;

use crate::config::check::network;
use crate::config::decode::{Field, List, Slot as _, Text};
use crate::config::raw::edge::Ip;
use crate::config::report::Report;
use crate::config::tree::quote;
use crate::ip_rules::{IpRules, Networks};

pub(super) fn rules(section: &Ip, report: &mut Report) -> IpRules {
    if section.allow.is_absent() && section.deny.is_absent() {
        report.mistake(section.place, "neither allow nor deny is here: nobody is kept out");
    }
    IpRules {
        allow: list(
            &section.allow,
            "nobody could come: leave the key out to let everybody in",
            report,
        ),
        deny: list(&section.deny, "nobody is kept out: leave the key out", report),
    }
}

fn list(field: &Field<List<Text>>, empty: &str, report: &mut Report) -> Option<Networks> {
    let list = field.given()?;
    list.refuse_empty(empty, report);
    let mut networks = Vec::with_capacity(list.items.len());
    for text in &list.items {
        networks.extend(text.parse("an address or a network", report, exact_network));
    }
    let pointer = report.pointer(list.place);
    Some(Networks { networks, pointer })
}

/// A network whose address has nothing beyond its prefix: whether `10.0.0.5/8` means one address or millions is not
/// ours to guess.
fn exact_network(text: &str) -> Result<IpNet, String> {
    let network = network(text)?;
    match text.parse::<IpNet>() {
        Ok(written) if written.addr() != written.network() => Err(format!(
            "{} has an address inside the network: write {network} for all of it, or {} for the one",
            quote(text),
            written.addr().to_canonical()
        )),
        _ => Ok(network),
    }
}
