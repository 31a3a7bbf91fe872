//! The end-to-end suites: every test starts the real binary and speaks HTTP to it.

mod design_4_1;
mod faults;
mod local_runtime;
mod record;

/// Makes two tests of each `async fn name(event: Event)`: one behind an HTTP API, one behind a Function URL.
macro_rules! for_each_event_kind {
    ($($name:ident),+ $(,)?) => {
        mod http_api {
            $(#[tokio::test]
            async fn $name() {
                super::$name(tollgate_tests::Event::Http).await;
            })+
        }
        mod function_url {
            $(#[tokio::test]
            async fn $name() {
                super::$name(tollgate_tests::Event::Url).await;
            })+
        }
    };
}
pub(crate) use for_each_event_kind;
