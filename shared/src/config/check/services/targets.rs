//! Where a service is: one URL, or several targets with their shares.

use std::num::NonZeroU32;

use super::upstream_url;
use crate::config::decode::{List, Slot as _};
use crate::config::raw::upstreams::{self as raw, Balance, Service};
use crate::config::report::Report;
use crate::upstream::Target;

/// More are somebody else's to balance; every choice looks at all of them.
const MOST: usize = 32;

/// The sum of the shares is a round, and one is played when an environment starts.
const HEAVIEST: u32 = 1000;

/// At least one target; `None` where something is wrong.
pub(super) fn of(service: &Service, report: &mut Report) -> Option<Vec<Target>> {
    let balance = service.balance.given().map(|given| given.value);
    let one = service
        .url
        .given()
        .and_then(|text| text.parse("an upstream's URL", report, upstream_url))
        .map(|url| vec![Target::new(url)]);
    let several = service.targets.given().and_then(|list| several(list, balance, report));
    match (service.url.is_absent(), service.targets.is_absent()) {
        (true, true) => {
            let reason = "nothing says where it is: give it a url, or several targets";
            report.mistake(service.place, reason);
        }
        (false, false) => {
            let reason = "url and targets are both here: a service has exactly one of them";
            report.mistake(service.place, reason);
        }
        (false, true) if !service.balance.is_absent() => {
            let reason = "there is nothing to balance: the service has one url, and balance goes with targets";
            report.mistake(service.place, reason);
        }
        _ => return one.or(several),
    }
    None
}

fn several(list: &List<raw::Target>, balance: Option<Balance>, report: &mut Report) -> Option<Vec<Target>> {
    list.refuse_empty(
        "a service without a target cannot be called: give it one at least",
        report,
    );
    if list.items.len() > MOST {
        report.mistake(
            list.place,
            format!("more than {MOST} targets: put a load balancer in front of them"),
        );
    }
    let mut targets: Vec<Target> = Vec::with_capacity(list.items.len());
    for item in &list.items {
        let weight = weight(item, balance, report);
        let Some(text) = item.url.given() else { continue };
        let Some(url) = text.parse("an upstream's URL", report, upstream_url) else {
            continue;
        };
        if targets.iter().any(|target| target.url == url) {
            let reason = format!("{} is here twice: give it more weight instead", text.quoted());
            report.mistake(text.place, reason);
        }
        targets.push(Target {
            weight,
            ..Target::new(url)
        });
    }
    (!targets.is_empty()).then_some(targets)
}

fn weight(item: &raw::Target, balance: Option<Balance>, report: &mut Report) -> u32 {
    let Some(given) = item.weight.given() else { return 1 };
    if given.value.get() > HEAVIEST {
        report.mistake(
            given.place,
            format!("more than {HEAVIEST}: only how weights compare matters"),
        );
        return 1;
    }
    if balance != Some(Balance::Weighted) && given.value != NonZeroU32::MIN {
        report.mistake(
            given.place,
            "means nothing while targets take turns: say balance: weighted",
        );
    }
    given.value.get()
}
