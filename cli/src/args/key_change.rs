//! What `tollgate keys change` changes about a key.

use std::time::Duration;

use clap::Args;
use tollgate::clock::Timestamp;
use tollgate::limit::PlanDocument;
use tollgate::store::dynamodb::{ApiKeyChange, Patch};

use super::{parse_duration, parse_limits};

/// At least one of them. What is not named stays as it is.
#[derive(Args, Debug)]
#[group(required = true, multiple = true)]
pub(crate) struct KeyChangeOptions {
    /// The plan: one of the config's `plans`, or of the config table; for good, unless --plan-expires says otherwise
    #[arg(long, value_name = "NAME")]
    plan: Option<String>,
    /// Take the plan away
    #[arg(long, conflicts_with_all = ["plan", "plan_expires", "no_plan_expiry"])]
    no_plan: bool,
    /// How long from now it has the plan, such as 30d: the one that it has, or that of --plan
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    plan_expires: Option<Duration>,
    /// Let it have the plan for good
    #[arg(long, conflicts_with = "plan_expires")]
    no_plan_expiry: bool,
    /// Limits of its own in place of a plan's, as `plans` has them: '{"quota":{"requests":1000,"per":"day"}}'
    #[arg(long, value_name = "JSON", value_parser = parse_limits)]
    limits: Option<PlanDocument>,
    /// Take its own limits away, so that those of its plan hold
    #[arg(long, conflicts_with = "limits")]
    no_limits: bool,
    /// What it may do, and nothing else; can be given more than once
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,
    /// Take all scopes away
    #[arg(long, conflicts_with = "scope")]
    no_scopes: bool,
    /// How long from now it holds, such as 12h or 90d; one that has expired is good again
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    expires: Option<Duration>,
    /// Let it hold until it is revoked
    #[arg(long, conflicts_with = "expires")]
    no_expiry: bool,
    /// What to call it, such as "nightly job"
    #[arg(long)]
    name: Option<String>,
    /// Take the name away
    #[arg(long, conflicts_with = "name")]
    no_name: bool,
}

impl KeyChangeOptions {
    /// The same for the store, which looks at the rest.
    pub(crate) fn at(self, now: Timestamp) -> ApiKeyChange {
        let scopes = (!self.scope.is_empty()).then_some(self.scope);
        ApiKeyChange {
            plan: patch(self.plan, self.no_plan),
            plan_expires_at: patch(self.plan_expires.map(|time| now.plus(time)), self.no_plan_expiry),
            limits: patch(self.limits, self.no_limits),
            scopes: patch(scopes, self.no_scopes),
            expires_at: patch(self.expires.map(|lifetime| now.plus(lifetime)), self.no_expiry),
            name: patch(self.name, self.no_name),
        }
    }
}

fn patch<T>(set: Option<T>, remove: bool) -> Patch<T> {
    match set {
        Some(value) => Patch::Set(value),
        None if remove => Patch::Remove,
        None => Patch::Keep,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        change: KeyChangeOptions,
    }

    fn read(options: &[&str]) -> Result<ApiKeyChange, clap::Error> {
        let line = Line::try_parse_from([&["change"], options].concat())?;
        Ok(line.change.at(NOW))
    }

    #[test]
    fn what_is_not_named_stays() {
        let expected = ApiKeyChange {
            plan: Patch::Set("gold".into()),
            plan_expires_at: Patch::Set(Timestamp::from_secs(1_800_003_600)),
            ..ApiKeyChange::default()
        };
        assert_eq!(read(&["--plan", "gold", "--plan-expires", "1h"]).unwrap(), expected);
        let limits = r#"{"quota":{"requests":5,"per":"day"}}"#;
        let line = [
            "--limits",
            limits,
            "--scope",
            "b",
            "--scope",
            "a",
            "--expires",
            "1h",
            "--name",
            "n",
        ];
        let expected = ApiKeyChange {
            limits: Patch::Set(parse_limits(limits).unwrap()),
            scopes: Patch::Set(vec!["b".into(), "a".into()]),
            expires_at: Patch::Set(Timestamp::from_secs(1_800_003_600)),
            name: Patch::Set("n".into()),
            ..ApiKeyChange::default()
        };
        assert_eq!(read(&line).unwrap(), expected);
    }

    #[test]
    fn each_can_be_taken_away() {
        let nothing = ApiKeyChange::default;
        for (option, expected) in [
            (
                "--no-plan",
                ApiKeyChange {
                    plan: Patch::Remove,
                    ..nothing()
                },
            ),
            (
                "--no-plan-expiry",
                ApiKeyChange {
                    plan_expires_at: Patch::Remove,
                    ..nothing()
                },
            ),
            (
                "--no-limits",
                ApiKeyChange {
                    limits: Patch::Remove,
                    ..nothing()
                },
            ),
            (
                "--no-scopes",
                ApiKeyChange {
                    scopes: Patch::Remove,
                    ..nothing()
                },
            ),
            (
                "--no-expiry",
                ApiKeyChange {
                    expires_at: Patch::Remove,
                    ..nothing()
                },
            ),
            (
                "--no-name",
                ApiKeyChange {
                    name: Patch::Remove,
                    ..nothing()
                },
            ),
        ] {
            assert_eq!(read(&[option]).unwrap(), expected, "{option}");
        }
    }

    #[test]
    fn what_contradicts_itself_or_says_nothing_is_refused() {
        for line in [
            &[][..],
            &["--plan", "a", "--no-plan"],
            &["--plan-expires", "1h", "--no-plan"],
            &["--plan-expires", "1h", "--no-plan-expiry"],
            &["--limits", r#"{"quota":{"requests":5,"per":"day"}}"#, "--no-limits"],
            &["--scope", "a", "--no-scopes"],
            &["--expires", "1h", "--no-expiry"],
            &["--name", "a", "--no-name"],
            &["--owner", "bob"],
            &["--limits", "{}"],
            &["--expires", "tomorrow"],
        ] {
            assert!(read(line).is_err(), "{line:?}");
        }
    }
}
