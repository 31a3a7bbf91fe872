//! A limit is a limit: as many as the config says, whoever asks at once and however many environments answer.
//!
//! A binary of its own, because Cargo runs test binaries one after the other: beside a hundred other tests, eight
//! environments on a small machine would wait longer for a processor than a counter check may take.

use serde_json::json;
use tokio::task::JoinSet;
use tollgate_tests::{Event, Gateway, Response, Stage, get};

/// Two items at once, each with a rate and a quota, and routes of several costs that share it: in the one the rate is the
/// tighter limit, in the other the quota.
#[tokio::test]
async fn rates_quotas_and_costs_behind_eight_environments() {
    for event in [Event::Http, Event::Url] {
        together(event).await;
    }
}

async fn together(event: Event) {
    let stage = Stage::set().await;
    let mut document = stage.document();
    let limits = |rate: u32, quota: u32| {
        json!({ "requests_per_hour": rate, "key": "header:X-User-Id", "on_error": "deny",
                "quota": [{ "requests": quota, "per": "month" }, { "requests": 1_000_000, "per": "day" }] })
    };
    let mut searches = limits(1_000, 30);
    searches["path"] = json!("/api/search/**");
    document["rate_limiting"] = json!({ "default": limits(30, 1_000), "overrides": [searches] });
    let dear = json!({ "path": "/api/search/deep/**", "upstream": stage.site.url(), "cost": 5 });
    document["routes"][0]["cost"] = json!(3);
    document["routes"][3]["cost"] = json!(2);
    document["routes"].as_array_mut().unwrap().push(dear);
    let token = stage.issuer.sign("usr_1");
    let gateway = Gateway::start(document.to_string())
        .event(event)
        .environments(8)
        .timeout("30s");
    let api = stage.open_as(gateway).await;
    let address = api.gateway.address();

    let paths = [
        ("/api/orders/1", 1),
        ("/api/users/1", 3),
        ("/api/search/x", 2),
        ("/api/search/deep/x", 5),
    ];
    let mut clients = JoinSet::new();
    for (path, cost) in (0..96).map(|client| paths[client % paths.len()]) {
        let request = get(path).bearer(&token);
        clients.spawn(async move { (path, cost, request.send(address).await.expect("an answer")) });
    }
    let answers = clients.join_all().await;
    let of = |item: &str| -> Vec<(u32, &Response)> {
        let of_item = answers
            .iter()
            .filter(|(path, ..)| path.starts_with("/api/search/") == (item == "searches"));
        of_item.map(|(_, cost, answer)| (*cost, answer)).collect()
    };
    // A request that came before another one, and was counted after it, sees by its own clock what the bucket held then: one
    // less, rounded down.
    adds_up("default", 30, 1, &of("default"));
    adds_up("/api/search/**-month", 30, 0, &of("searches"));
    let admitted = answers.iter().filter(|(.., answer)| answer.status == 200).count();
    let seen = [&api.stage.orders, &api.stage.users, &api.stage.site].map(|upstream| upstream.requests().len());
    assert_eq!(
        seen.iter().sum::<usize>(),
        admitted,
        "the upstreams saw what was admitted and no more"
    );
    assert!(api.gateway.children().len() > 1, "one environment proves nothing");
    api.finish();
}

/// The admitted ones follow one another from nothing to the limit, by what each is told that it leaves; only one that could
/// not be counted may leave a gap of its cost, and each may be told `less` than is left. And of the refused ones each is told
/// that less is left than it costs.
fn adds_up(limit: &str, most: u32, less: u32, answers: &[(u32, &Response)]) {
    let left = |answer: &Response| -> u32 {
        let entry = format!("\"{limit}\";r=");
        let told = answer.header("RateLimit").and_then(|told| told.split_once(&*entry));
        let digits = told
            .and_then(|(_, rest)| rest.split_once(';'))
            .map(|(digits, _)| digits.parse());
        digits.unwrap_or_else(|| panic!("{limit}: {answer:?}")).unwrap()
    };
    let with = |status: u16| answers.iter().filter(move |(_, answer)| answer.status == status);
    let uncounted: u32 = with(503).map(|(cost, _)| cost).sum();
    assert_eq!(with(200).count() + with(429).count() + with(503).count(), answers.len());
    let mut steps: Vec<(u32, u32)> = with(200).map(|(cost, answer)| (left(answer), *cost)).collect();
    steps.sort_unstable_by(|one, other| other.cmp(one));
    let admitted: u32 = steps.iter().map(|(_, cost)| cost).sum();
    assert!(admitted <= most, "{limit}: {admitted} of {most}: {steps:?}");
    let mut room = most;
    for (left, cost) in &steps {
        assert!(left + cost <= room + less, "{limit}: two in the same place: {steps:?}");
        room = *left;
    }
    let gaps = (most - admitted).saturating_sub(room);
    assert!(
        gaps <= uncounted + less,
        "{limit}: {gaps} counted for nobody, {uncounted} not known: {steps:?}"
    );
    for (cost, answer) in with(429) {
        assert!(
            left(answer) < *cost,
            "{limit}: refused, with room for {cost}: {answer:?}"
        );
    }
    // Where a starved machine left requests uncounted, there may be few of either.
    let both = steps.len() > 4 && with(429).count() > 4;
    assert!(both || uncounted > 0, "{limit}: {steps:?}");
}
