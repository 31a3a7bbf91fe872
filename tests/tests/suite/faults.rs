//! What happens when the surroundings fail: the right status in the shape that all errors have, within the
//! time there is, and the next request served.

mod answers;
mod config;
mod counters;
mod function;
mod key_sets;
mod upstreams;

use std::time::{Duration, Instant};

use tollgate_tests::{Api, DEADLINE, Exchange, Request};

/// Long enough for a slow machine, short enough to tell an answer from a hang: the function itself may take
/// half a minute.
pub(crate) const PROMPT: Duration = Duration::from_secs(10);

/// Sends a request and holds the answer to [`PROMPT`].
async fn promptly(api: &Api, request: Request) -> Exchange {
    let began = Instant::now();
    let exchange = api.send(request).await;
    let elapsed = began.elapsed();
    assert!(elapsed < PROMPT, "it took {elapsed:?}: {exchange:?}");
    exchange
}

/// Sends a request again and again until it is answered with this status.
async fn eventually(api: &Api, request: &Request, status: u16) -> Exchange {
    let began = Instant::now();
    loop {
        let exchange = api.send(request.clone()).await;
        if exchange.response.status == status {
            return exchange;
        }
        assert!(
            began.elapsed() < DEADLINE,
            "still no {status}: {exchange:?}\n{}",
            api.gateway.process().output()
        );
        tokio::task::yield_now().await;
    }
}
