//! The function's start: what the environment says, and the loop.

use std::env;
use std::process::ExitCode;
use std::sync::Arc;

use tollgate::clock::SystemClock;
use tollgate::lambda;
use tollgate::store::TableKind;
use tollgate::store::dynamodb::{ApiKeys, Counters, DynamoDbSettings, Plans};

use crate::handler::Admin;
use crate::principals::{self, Principals};
use crate::router::AdminState;

/// Serves events until the process ends. What prevents the start is told on standard error, every mistake at once, and
/// exits 64 before the first event.
pub async fn serve() -> ExitCode {
    let admin = match lambda::prepare().and_then(|()| build(&|name| env::var(name).ok())) {
        Ok(admin) => admin,
        Err(mistakes) => return lambda::not_started(&*Box::<dyn std::error::Error>::from(mistakes)),
    };
    lambda::answer_http(async |payload: &str, deadline| admin.handle(payload, deadline).await).await
}

/// The API of this environment. The error has one line for each mistake.
fn build(variable: &dyn Fn(&str) -> Option<String>) -> Result<Admin, String> {
    let principals = Principals::parse(&variable(principals::VARIABLE).unwrap_or_default());
    let state = state(variable);
    match (principals, state) {
        (Ok(principals), Ok(state)) => Ok(Admin::new(state, principals)),
        (principals, state) => {
            let mistakes = [principals.err(), state.err()];
            Err(mistakes.into_iter().flatten().collect::<Vec<_>>().join("\n"))
        }
    }
}

fn state(variable: &dyn Fn(&str) -> Option<String>) -> Result<AdminState, String> {
    let settings = DynamoDbSettings::from_environment(variable, &[TableKind::Config, TableKind::Quota])?;
    let table = |kind| settings.table(kind).unwrap_or_default();
    let client = settings.admin_client()?;
    Ok(AdminState {
        keys: ApiKeys::new(client.clone(), table(TableKind::Config)),
        plans: Plans::new(client.clone(), table(TableKind::Config)),
        counters: Counters::new(client, table(TableKind::Quota)),
        clock: Arc::new(SystemClock),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(given: &[(&str, &str)]) -> Result<Admin, String> {
        build(&|name| {
            given
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    const COMPLETE: [(&str, &str); 5] = [
        ("CONFIG_TABLE", "config"),
        ("QUOTA_TABLE", "quota"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "very-secret"),
    ];

    #[test]
    fn what_the_template_sets_is_enough() {
        assert!(started(&COMPLETE).is_ok());
        let restricted = [
            &COMPLETE[..],
            &[("ADMIN_PRINCIPALS", "arn:aws:iam::123456789012:user/*")],
        ]
        .concat();
        assert!(started(&restricted).is_ok());
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        let why = started(&[("ADMIN_PRINCIPALS", "ann,arn:aws:iam::1:user/?")]).unwrap_err();
        insta::assert_snapshot!(why);
    }
}
