//! The end-to-end suites: every test starts the real binary and speaks HTTP to it.

mod admin;
mod aggregation;
mod cache;
mod config_sources;
mod design_4_1;
mod edge;
mod faults;
mod freeze;
mod local_runtime;
mod manner;
mod methods;
mod plans;
mod record;
mod resilience;
mod upstream_tls;

/// Makes a test of each `async fn name(event: Event)` behind every front door: for what an event or its answer has a
/// part in.
macro_rules! for_each_event_kind {
    ($($name:ident),+ $(,)?) => {
        crate::for_event_kinds!(http_api: Http, $($name),+);
        crate::for_event_kinds!(function_url: Url, $($name),+);
        crate::for_event_kinds!(rest_api: Rest, $($name),+);
        crate::for_event_kinds!(load_balancer: Alb, $($name),+);
        crate::for_event_kinds!(multi_value_load_balancer: AlbMulti, $($name),+);
    };
}

/// The same behind one front door, in a module of this name: `any_front_door` where nothing that is shown goes by the
/// event, and four more processes would show it again.
macro_rules! for_event_kinds {
    ($module:ident: $event:ident, $($name:ident),+) => {
        mod $module {
            $(#[tokio::test]
            async fn $name() {
                super::$name(tollgate_tests::Event::$event).await;
            })+
        }
    };
}
pub(crate) use {for_each_event_kind, for_event_kinds};
