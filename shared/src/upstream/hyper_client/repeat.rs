//! Whether a failed call may be made once more: it went out on a kept connection, which ended before it had answered,
//! and repeating it changes nothing. docs/decisions/0006-frozen-connections.md tells which failures get this far.

use std::cell::Cell;
use std::error::Error;
use std::io::ErrorKind;

use http::Method;

tokio::task_local! {
    /// Whether the call under way has begun to open a connection.
    static CONNECTS: Cell<bool>;
}

/// Which connection a call went out on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Connection {
    /// One that was opened for it, or may have been.
    New,
    /// One from the pool.
    Kept,
}

/// Makes a call with a client whose connector calls [`note_connect`], and tells the connection.
pub(super) async fn noticing<T>(call: impl Future<Output = T>) -> (T, Connection) {
    let noticed = async {
        let result = call.await;
        let connects = CONNECTS.with(Cell::get);
        (result, if connects { Connection::New } else { Connection::Kept })
    };
    CONNECTS.scope(Cell::new(false), noticed).await
}

/// Whether a request can be sent twice without anybody noticing: its method is idempotent, and safe besides
/// (RFC 9110 sections 9.2.1 and 9.2.2). A second `DELETE` would change nothing either, but answer 404.
pub(super) fn is_harmless(method: &Method) -> bool {
    method.is_safe()
}

/// Whether the connection ended before it had given the head of an answer: closed, reset, or no longer taking bytes.
/// A malformed answer is an answer.
pub(super) fn ended_unanswered(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| error.source()).any(|error| {
        let incomplete = error.downcast_ref().is_some_and(hyper::Error::is_incomplete_message);
        incomplete || error.downcast_ref().is_some_and(is_end)
    })
}

fn is_end(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        // The last is TLS without its farewell.
        ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof
    )
}

/// For whoever opens a connection: notes that the call under way does.
pub(super) fn note_connect() {
    // An error means that nobody asks: the pool opens one for itself.
    let _ = CONNECTS.try_with(|connects| connects.set(true));
}

#[cfg(test)]
mod tests;
