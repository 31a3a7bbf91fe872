//! A config that goes wrong while the gateway runs, and right again.

use serde_json::json;
use tollgate_tests::{Answer, Event, Gateway, Stage, get};

use super::{eventually, promptly};

crate::for_event_kinds!(any_front_door: Http, a_wrong_config_never_goes_live);

async fn a_wrong_config_never_goes_live(event: Event) {
    let stage = Stage::set().await;
    let good = stage.public(json!([{ "path": "/old", "upstream": stage.site.url() }]));
    let mut wrong = good.clone();
    wrong["routes"][0]["upstream"] = json!("nowhere");
    wrong["routes"][0]["timeout"] = json!("soon");
    wrong["transformation"] = json!([]);
    let better = stage.public(json!([{ "path": "/new", "upstream": stage.site.url() }]));
    stage.site.answers(Answer::json("{}"));
    let api = stage.open_as(Gateway::start(good.to_string()).event(event)).await;
    promptly(&api, get("/old")).await.status(200);

    let wrong = wrong.to_string();
    for text in [&*wrong, "{\"routes\": [", ""] {
        let mark = api.gateway.process().mark();
        api.gateway.rewrite_config(text);
        api.gateway.process().says(mark, &["tollgate.json:"]).await;
        promptly(&api, get("/old")).await.status(200);
        if text == wrong {
            for words in [
                ["/routes/0/upstream", "nowhere"],
                ["/routes/0/timeout", "soon"],
                ["transformation", "transformations"],
            ] {
                api.gateway.process().says(mark, &words).await;
            }
        }
    }

    api.gateway.rewrite_config(&better.to_string());
    eventually(&api, &get("/new"), 200).await;
    promptly(&api, get("/old")).await.error(404, "not_found");
    api.finish();
}
