//! Writes lines on a thread of its own: a terminal that is stopped, or a program that does not read its end of a
//! pipe, must not hold up requests.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

/// As many lines may wait; the ones after them are lost, and said to be.
const MOST_WAITING: usize = 10_000;
/// How long the end of the program waits for a reader that does not read.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// Where a line goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Out,
    Err,
}

/// The way to the thread. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Writer {
    orders: SyncSender<Order>,
    lost: Arc<AtomicUsize>,
    #[cfg(test)]
    kept: Option<std::sync::Mutex<Receiver<Order>>>,
}

#[derive(Debug)]
enum Order {
    Line(Stream, String),
    /// Tells when everything before it is written.
    Flush(oneshot::Sender<()>),
}

impl Writer {
    /// Starts the thread. Without one (the system has none to give) lines are lost.
    pub(crate) fn start() -> Self {
        let (orders, received) = sync_channel(MOST_WAITING);
        let lost = Arc::new(AtomicUsize::new(0));
        let lines_lost = Arc::clone(&lost);
        let thread = std::thread::Builder::new().name("console".to_owned());
        drop(thread.spawn(move || obey(&received, &lines_lost)));
        Self {
            orders,
            lost,
            #[cfg(test)]
            kept: None,
        }
    }

    /// Never waits.
    pub(crate) fn write(&self, stream: Stream, line: String) {
        if self.orders.try_send(Order::Line(stream, line)).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns when all lines so far are written, or nobody reads them.
    pub(crate) async fn finish(&self) {
        let (sender, written) = oneshot::channel();
        if self.orders.try_send(Order::Flush(sender)).is_ok() {
            // In vain when nobody reads.
            let _ = timeout(LAST_WAIT, written).await;
        }
    }
}

fn obey(orders: &Receiver<Order>, lost: &AtomicUsize) {
    for order in orders {
        match order {
            Order::Line(stream, line) => write(stream, &line),
            Order::Flush(sender) => drop(sender.send(())),
        }
        let lost = lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            write(
                Stream::Err,
                &format!("{lost} lines were not shown, because nobody read them in time"),
            );
        }
    }
}

/// A closed stream is no reason to stop serving.
fn write(stream: Stream, line: &str) {
    let _ = match stream {
        Stream::Out => writeln!(anstream::stdout(), "{line}"),
        Stream::Err => writeln!(anstream::stderr(), "{line}"),
    };
}

#[cfg(test)]
impl Writer {
    /// Without a thread: lines stay where [`Self::lines`] finds them.
    pub(crate) fn kept() -> Self {
        let (orders, received) = sync_channel(MOST_WAITING);
        Self {
            orders,
            lost: Arc::default(),
            kept: Some(std::sync::Mutex::new(received)),
        }
    }

    /// The lines since the last look.
    pub(crate) fn lines(&self) -> Vec<String> {
        let kept = self.kept.as_ref().unwrap().lock().unwrap();
        let line = |order| match order {
            Order::Line(_, line) => Some(line),
            Order::Flush(_) => None,
        };
        kept.try_iter().filter_map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_reader_loses_lines_but_holds_up_nobody() {
        let writer = Writer::kept();
        for number in 0..MOST_WAITING + 3 {
            writer.write(Stream::Out, number.to_string());
        }
        assert_eq!(writer.lost.load(Ordering::Relaxed), 3);
        assert_eq!(writer.lines().len(), MOST_WAITING);
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_does_not_wait_for_a_stopped_reader() {
        Writer::kept().finish().await;
    }

    #[tokio::test]
    async fn everything_before_a_flush_is_written() {
        Writer::start().finish().await;
        let (orders, received) = sync_channel(4);
        let (sender, written) = oneshot::channel();
        orders.send(Order::Line(Stream::Err, "from a test".to_owned())).unwrap();
        orders.send(Order::Flush(sender)).unwrap();
        drop(orders);
        obey(&received, &AtomicUsize::new(0));
        written.await.unwrap();
    }
}
