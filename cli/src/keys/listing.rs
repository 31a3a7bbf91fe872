//! Keys as they are shown, to people and to programs. Never a hash: whoever reads a listing need not know even that.

use serde_json::{Value, json};
use tollgate::api_key::ApiKeyRecord;
use tollgate::clock::Timestamp;
use tollgate_admin::keys::KeyView;

use crate::dev::calendar::iso_8601;

const COLUMNS: [&str; 7] = ["ID", "STATUS", "CREATED", "EXPIRES", "PLAN", "SCOPES", "NAME"];

/// One line about a key that was just made or changed.
pub(super) fn summary(record: &ApiKeyRecord) -> String {
    let mut text = format!("API key {} of {:?}", record.id, record.owner);
    let mut add = |words: String| text = format!("{text}, {words}");
    if let Some(name) = &record.name {
        add(format!("called {name:?}"));
    }
    if let Some(plan) = &record.plan {
        add(format!("plan {plan:?}"));
    }
    if let Some(end) = record.plan_expires_at {
        add(format!("which it has until {}", iso_8601(end)));
    }
    if record.limits.is_some() {
        add("limits of its own".to_owned());
    }
    if !record.scopes.is_empty() {
        add(format!("scopes {}", record.scopes.join(" ")));
    }
    match record.expires_at {
        Some(end) => add(format!("until {}", iso_8601(end))),
        None => add("until it is revoked".to_owned()),
    }
    plain(&text)
}

/// Lines with columns; nothing at all when there are no keys.
pub(super) fn table(keys: &[ApiKeyRecord], now: Timestamp) -> String {
    if keys.is_empty() {
        return String::new();
    }
    let mut rows = vec![COLUMNS.map(str::to_owned)];
    rows.extend(keys.iter().map(|key| row(key, now)));
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: [usize; COLUMNS.len()] = std::array::from_fn(width);
    let line = |row: &[String; COLUMNS.len()]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        format!("{}\n", line.trim_end())
    };
    rows.iter().map(line).collect()
}

fn row(key: &ApiKeyRecord, now: Timestamp) -> [String; COLUMNS.len()] {
    [
        key.id.clone(),
        key.state(now).name().to_owned(),
        iso_8601(key.created_at),
        key.expires_at.map_or_else(|| "never".to_owned(), iso_8601),
        key.plan.clone().unwrap_or_default(),
        key.scopes.join(" "),
        key.name.clone().unwrap_or_default(),
    ]
    .map(|cell| plain(&cell))
}

/// Without what moves a terminal's cursor: an item may have been written by anybody.
fn plain(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

/// A JSON array in one piece, ended by a newline, of keys as the admin API shows them.
pub(super) fn json(keys: &[ApiKeyRecord], now: Timestamp) -> String {
    let keys = keys.iter().map(|key| json!(KeyView::of(key, now)));
    format!("{:#}\n", Value::Array(keys.collect()))
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use tollgate::api_key::{KeyHash, KeyStatus, PreviousKey};

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn least() -> ApiKeyRecord {
        ApiKeyRecord {
            id: "0123456789AB".into(),
            hash: KeyHash::of("very-secret"),
            previous: None,
            status: KeyStatus::Active,
            owner: "ann".into(),
            plan: None,
            plan_expires_at: None,
            limits: None,
            scopes: Vec::new(),
            expires_at: None,
            created_at: NOW,
            name: None,
        }
    }

    fn keys() -> [ApiKeyRecord; 3] {
        let most = ApiKeyRecord {
            id: "4fKq0ZbYw2Lr".into(),
            previous: Some(PreviousKey {
                hash: KeyHash::of("very-secret"),
                until: Timestamp::from_secs(1_800_086_400),
            }),
            plan: Some("gold".into()),
            plan_expires_at: None,
            limits: None,
            scopes: vec!["orders:read".into(), "orders:write".into()],
            expires_at: Some(NOW),
            name: Some("nightly\u{7}job".into()),
            ..least()
        };
        let revoked = ApiKeyRecord {
            id: "zzzzzzzzzzzz".into(),
            status: KeyStatus::Revoked,
            ..most.clone()
        };
        [least(), most, revoked]
    }

    #[test]
    fn people_get_columns() {
        assert_snapshot!(table(&keys(), NOW), @"
        ID            STATUS   CREATED               EXPIRES               PLAN  SCOPES                    NAME
        0123456789AB  active   2027-01-15T08:00:00Z  never
        4fKq0ZbYw2Lr  expired  2027-01-15T08:00:00Z  2027-01-15T08:00:00Z  gold  orders:read orders:write  nightly�job
        zzzzzzzzzzzz  revoked  2027-01-15T08:00:00Z  2027-01-15T08:00:00Z  gold  orders:read orders:write  nightly�job
        ");
        assert_eq!(table(&[], NOW), "");
    }

    #[test]
    fn programs_get_json_without_hashes() {
        assert_snapshot!(json(&keys()[..2], NOW), @r#"
        [
          {
            "created_at": 1800000000,
            "id": "0123456789AB",
            "owner": "ann",
            "scopes": [],
            "status": "active"
          },
          {
            "created_at": 1800000000,
            "expires_at": 1800000000,
            "id": "4fKq0ZbYw2Lr",
            "name": "nightly\u0007job",
            "owner": "ann",
            "plan": "gold",
            "previous_until": 1800086400,
            "scopes": [
              "orders:read",
              "orders:write"
            ],
            "status": "expired"
          }
        ]
        "#);
        assert_eq!(json(&[], NOW), "[]\n");
    }

    #[test]
    fn a_new_key_is_summed_up_in_a_line() {
        assert_snapshot!(summary(&least()), @r#"API key 0123456789AB of "ann", until it is revoked"#);
        assert_snapshot!(summary(&keys()[1]), @r#"API key 4fKq0ZbYw2Lr of "ann", called "nightly\u{7}job", plan "gold", scopes orders:read orders:write, until 2027-01-15T08:00:00Z"#);
    }
}
