//! `tollgate usage`: shows what was counted of a caller, and takes it back to nothing.

use serde_json::{Value, json};
use tollgate::clock::{Clock, SystemClock};
use tollgate::limit::{Counter, KeyValues};
use tollgate::store::dynamodb::{Counted, CounterName, Counters};
use tollgate_admin::usage::CounterView;

use crate::args::{UsageAction, UsageOptions, Whose};
use crate::dev::calendar::iso_8601;
use crate::dev::tables;
use crate::exit::{Failure, note, print};
use crate::place::Place;

pub(crate) async fn run(options: UsageOptions) -> Result<(), Failure> {
    let (UsageAction::Show { whose, .. } | UsageAction::Reset { whose }) = &options.action;
    let values = values(whose)?;
    let place = Place::of(&options.place, options.table, tables::QUOTA, "QUOTA_TABLE").await?;
    let counters = Counters::new(place.client.clone(), &place.table);
    match options.action {
        UsageAction::Show { json, .. } => {
            let found = counters.of(&values, SystemClock.now()).await;
            let Counted { counters, unreadable } = found.map_err(|error| place.failure(&error))?;
            if counters.is_empty() && unreadable.is_empty() && !json {
                note(&format!("nothing is counted of this caller in {place}"));
            }
            for CounterName { by, rule } in unreadable {
                note(&format!(
                    "what is counted by {by:?} for {rule:?} cannot be read, so it is not shown"
                ));
            }
            print(&if json { array(&counters) } else { lines(&counters) })
        }
        UsageAction::Reset { .. } => {
            let count = counters.reset(&values).await.map_err(|error| place.failure(&error))?;
            note(&match count {
                0 => format!("nothing is counted of this caller in {place}"),
                1 => "1 counter is taken back to nothing; gateways follow within 30 seconds".to_owned(),
                _ => format!("{count} counters are taken back to nothing; gateways follow within 30 seconds"),
            });
            Ok(())
        }
    }
}

fn values(whose: &Whose) -> Result<KeyValues, Failure> {
    KeyValues::parse(whose.parts.iter().map(String::as_str)).map_err(Failure::usage)
}

/// A line for each window and bucket: by what, in which rule set, how much, until when.
fn lines(counters: &[Counter]) -> String {
    counters.iter().map(lines_of).collect()
}

fn lines_of(counter: &Counter) -> String {
    let head = format!("{}  {}", counter.by.escape_debug(), counter.rule.escape_debug());
    let windows = counter.windows.iter().map(|window| {
        let (used, per, end) = (window.used, window.per.as_str(), iso_8601(window.end));
        format!("{head}  {used} this {per}, until {end}\n")
    });
    let bucket = counter
        .full_at
        .map(|full_at| format!("{head}  rate in use, full again at {}\n", iso_8601(full_at)));
    let mut lines: String = windows.chain(bucket).collect();
    if lines.is_empty() {
        lines = format!("{head}  nothing in the windows of now\n");
    }
    lines
}

fn array(counters: &[Counter]) -> String {
    let object = |counter: &Counter| json!(CounterView::of(counter));
    format!("{:#}\n", counters.iter().map(object).collect::<Value>())
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use tollgate::clock::Timestamp;
    use tollgate::limit::{CountedWindow, Period};

    use super::*;

    fn counter(windows: Vec<CountedWindow>, full_at: Option<u64>) -> Counter {
        Counter {
            by: "plan".into(),
            rule: "plan".into(),
            windows,
            full_at: full_at.map(Timestamp::from_secs),
        }
    }

    #[test]
    fn people_get_lines() {
        let window = |per, used| CountedWindow {
            per,
            used,
            end: Timestamp::from_secs(1_800_057_600),
        };
        let counters = [
            counter(
                vec![window(Period::Day, 3), window(Period::Month, 12)],
                Some(1_800_000_001),
            ),
            Counter {
                by: "header:x\u{1b}[2J".into(),
                rule: "orders".into(),
                ..counter(Vec::new(), None)
            },
        ];
        assert_snapshot!(lines(&counters), @r"
        plan  plan  3 this day, until 2027-01-16T00:00:00Z
        plan  plan  12 this month, until 2027-01-16T00:00:00Z
        plan  plan  rate in use, full again at 2027-01-15T08:00:01Z
        header:x\u{1b}[2J  orders  nothing in the windows of now
        ");
        assert_snapshot!(array(&counters[..1]), @r#"
        [
          {
            "by": "plan",
            "full_at": 1800000001,
            "rule": "plan",
            "windows": [
              {
                "per": "day",
                "reset": 1800057600,
                "used": 3
              },
              {
                "per": "month",
                "reset": 1800057600,
                "used": 12
              }
            ]
          }
        ]
        "#);
    }
}
