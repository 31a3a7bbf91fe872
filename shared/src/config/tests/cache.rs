//! `cache`: what becomes of what is written.

use std::time::Duration;

use http::HeaderName;

use super::{OPEN_ROUTE, right};
use crate::cache::{CacheRules, CacheSettings, Tier};
use crate::config::parse;
use crate::store::TableKind;

fn rules(cache: &str) -> CacheRules {
    let checked = right(&format!(
        "{OPEN_ROUTE}    headers: {{ X-Version: \"2\" }}\n    cache: {cache}\n"
    ));
    let rules = checked.config.routes[0].cache.as_ref().expect("kept");
    CacheRules::clone(rules)
}

fn settings(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> CacheSettings {
    let checked = parse("gateway.yaml", text, variable).expect("a right config");
    checked.config.cache.expect("kept")
}

#[test]
fn an_empty_object_keeps_what_says_how_long() {
    let version = HeaderName::from_static("x-version");
    let usual = CacheRules {
        ttl: None,
        negative_ttl: None,
        vary: vec![version.clone()],
        forward: Vec::new(),
        tier: Tier::Memory,
        public: false,
        stale_while_revalidate: Duration::ZERO,
        stale_if_error: Duration::ZERO,
        max_size: 1024 * 1024,
        client_control: false,
    };
    assert_eq!(rules("{}"), usual);
    // A header that the route asks for tells answers apart anyway.
    let written = rules(
        "{ ttl: 250ms, vary: [Accept, X-VERSION], forward: [User-Agent], tier: table, public: true, max_size: 6MiB }",
    );
    assert_eq!(written.vary, [http::header::ACCEPT, version]);
    assert_eq!(
        (written.ttl, written.tier, written.public),
        (Some(Duration::from_millis(250)), Tier::Table, true)
    );
    assert_eq!(right(OPEN_ROUTE).config.cache.map(|settings| settings.memory), None);
}

#[test]
fn editions_are_told_apart_by_text_and_by_what_placeholders_are_filled_with() {
    let text = |tier: &str, comment: &str| {
        format!(
            "{OPEN_ROUTE}    cache: {{ tier: {tier} }}\n  - {{ path: /b, upstream: \"${{HOST}}\", auth: none }}\n{comment}"
        )
    };
    let host = |host: &'static str| move |name: &str| (name == "HOST").then(|| format!("http://{host}"));
    let edition = |tier: &str, comment: &str, name: &'static str| settings(&text(tier, comment), &host(name)).edition;
    let one = edition("table", "", "one");
    assert_eq!(edition("table", "", "one"), one, "the same in every environment");
    assert_ne!(edition("table", "", "other"), one);
    assert_ne!(edition("table", "# another\n", "one"), one);
    assert_eq!(
        settings(&text("table", ""), &host("one")).table(),
        Some(TableKind::State)
    );
    let memory = settings(&text("memory", ""), &host("one"));
    assert_eq!(
        (memory.table(), memory.edition),
        (None, [0; 32]),
        "nobody else reads it"
    );
}
