//! The Lambda Runtime API (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>) of one function: hands
//! out events and takes the time until each is answered.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::epoch_ms;
use crate::server;

/// How long a function may take for whatever it was asked to do. Generous: an emulated processor runs fifty times
/// slower.
const PATIENCE: Duration = Duration::from_secs(300);

/// One function's Runtime API.
pub(crate) struct RuntimeApi {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    events: VecDeque<String>,
    /// Whether the function waits for an event.
    waiting: bool,
    /// When the event at work was handed out.
    sent: Option<Instant>,
    latencies: Vec<Duration>,
    /// The first answer that is not the expected one.
    wrong: Option<String>,
}

impl RuntimeApi {
    pub(crate) fn start() -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let of_handler = Arc::clone(&shared);
        let address = server::serve(move |head: &str, body: &[u8]| {
            let path = head.split(' ').nth(1).unwrap_or_default();
            match path.rsplit('/').next() {
                Some("next") => of_handler.next(),
                Some("response") => Some(of_handler.answered(body)),
                _ => Some(of_handler.failed(path, body)),
            }
        })?;
        Ok(Self { address, shared })
    }

    /// Waits until the function asks for an event: at first the end of its init.
    pub(crate) fn wait_until_idle(&self) -> Result<(), String> {
        let state = self.shared.lock();
        self.shared.wait_for(state, |state| state.waiting).map(|_| ())
    }

    /// Hands these events out, one after the other, and waits until the function asks for more. How long each took
    /// until its answer was here.
    pub(crate) fn invoke(&self, events: Vec<String>) -> Result<Vec<Duration>, String> {
        let count = events.len();
        let mut state = self.shared.lock();
        state.latencies = Vec::with_capacity(count);
        state.wrong = None;
        state.events.extend(events);
        self.shared.changed.notify_all();
        let done = |state: &State| state.latencies.len() == count && state.waiting;
        let mut state = self.shared.wait_for(state, done)?;
        match state.wrong.take() {
            Some(answer) => Err(format!("an answer that is not 200: {answer}")),
            None => Ok(std::mem::take(&mut state.latencies)),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_for<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        holds: impl Fn(&State) -> bool,
    ) -> Result<MutexGuard<'a, State>, String> {
        let waited = self.changed.wait_timeout_while(state, PATIENCE, |state| !holds(state));
        let (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() {
            return Err(format!("the function did nothing for {PATIENCE:?}: {:?}", state.wrong));
        }
        Ok(state)
    }

    fn next(&self) -> Option<Vec<u8>> {
        let mut state = self.lock();
        state.waiting = true;
        self.changed.notify_all();
        let idle = |state: &mut State| state.events.is_empty();
        let mut state = self
            .changed
            .wait_while(state, idle)
            .unwrap_or_else(PoisonError::into_inner);
        let event = state.events.pop_front()?;
        state.waiting = false;
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
             lambda-runtime-aws-request-id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\n\
             lambda-runtime-deadline-ms: {}\r\n\
             lambda-runtime-invoked-function-arn: arn:aws:lambda:eu-central-1:111122223333:function:bench\r\n\
             lambda-runtime-trace-id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0\r\n",
            epoch_ms() + 600_000,
        );
        let answer = server::answer(&head, &event);
        state.sent = Some(Instant::now());
        Some(answer)
    }

    fn answered(&self, body: &[u8]) -> Vec<u8> {
        let mut state = self.lock();
        let latency = state.sent.take().map_or(Duration::ZERO, |sent| sent.elapsed());
        state.latencies.push(latency);
        if !body.starts_with(br#"{"statusCode":200,"#) {
            state
                .wrong
                .get_or_insert_with(|| String::from_utf8_lossy(body).into_owned());
        }
        server::answer("HTTP/1.1 202 Accepted\r\n", "")
    }

    /// An error of the invocation or of the init.
    fn failed(&self, path: &str, body: &[u8]) -> Vec<u8> {
        let mut state = self.lock();
        state.latencies.push(Duration::ZERO);
        state.wrong = Some(format!("{path}: {}", String::from_utf8_lossy(body)));
        self.changed.notify_all();
        server::answer("HTTP/1.1 202 Accepted\r\n", "")
    }
}
