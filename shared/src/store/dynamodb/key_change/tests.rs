//! Which attributes a change writes, and on which condition.

use std::collections::BTreeSet;
use std::time::Duration;

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const LATER: Timestamp = Timestamp::from_millis(1_800_000_060_999);

fn expression(change: ApiKeyChange) -> (String, &'static str) {
    let update = change.update(NOW).unwrap();
    let said = format!("{} {}", update.expression, update.condition);
    let used = |sign: char| -> BTreeSet<String> {
        let words = said.split([' ', ',', '(', ')']);
        words.filter(|word| word.starts_with(sign)).map(str::to_owned).collect()
    };
    assert_eq!(update.names.keys().cloned().collect::<BTreeSet<_>>(), used('#'));
    assert_eq!(update.values.keys().cloned().collect::<BTreeSet<_>>(), used(':'));
    assert!(
        update
            .names
            .iter()
            .all(|(placeholder, name)| placeholder[1..] == **name)
    );
    (update.expression, update.condition)
}

#[test]
fn what_is_not_named_is_not_written() {
    let limits = PlanDocument::parse("own", "key", r#"{"quota":{"requests":5,"per":"day"}}"#).unwrap();
    let set = ApiKeyChange {
        plan: Patch::Set("gold".into()),
        plan_expires_at: Patch::Set(LATER),
        limits: Patch::Set(limits),
        scopes: Patch::Set(vec!["a".into()]),
        expires_at: Patch::Set(LATER),
        name: Patch::Set("nightly job".into()),
    };
    let (written, condition) = expression(set);
    assert_eq!(
        written,
        "SET #plan = :plan, #plan_expires_at = :plan_expires_at, #limits = :limits, #scopes = :scopes, \
         #expires_at = :expires_at, #name = :name"
    );
    assert_eq!(condition, "#status = :active");
    let remove = ApiKeyChange {
        plan: Patch::Remove,
        plan_expires_at: Patch::Remove,
        limits: Patch::Remove,
        scopes: Patch::Remove,
        expires_at: Patch::Remove,
        name: Patch::Remove,
    };
    let removed = "REMOVE #plan, #plan_expires_at, #limits, #scopes, #expires_at, #name";
    assert_eq!(expression(remove).0, removed);
    let one = ApiKeyChange {
        name: Patch::Set("n".into()),
        ..ApiKeyChange::default()
    };
    assert_eq!(expression(one).0, "SET #name = :name");
}

#[test]
fn values_are_those_of_a_new_key() {
    let change = ApiKeyChange {
        scopes: Patch::Set(["b", "a", "b"].map(String::from).to_vec()),
        expires_at: Patch::Set(LATER),
        ..ApiKeyChange::default()
    };
    let values = change.update(NOW).unwrap().values;
    assert_eq!(values[":scopes"], AttributeValue::Ss(vec!["a".into(), "b".into()]));
    assert_eq!(values[":expires_at"], AttributeValue::N("1800000060".into()));
    let none = ApiKeyChange {
        scopes: Patch::Set(Vec::new()),
        ..ApiKeyChange::default()
    };
    assert_eq!(expression(none).0, "REMOVE #scopes");
}

#[test]
fn an_end_goes_with_its_plan() {
    let change = |plan, plan_expires_at| ApiKeyChange {
        plan,
        plan_expires_at,
        ..ApiKeyChange::default()
    };
    let gold = || Patch::Set("gold".to_owned());
    for (change, written) in [
        (change(gold(), Patch::Keep), "SET #plan = :plan REMOVE #plan_expires_at"),
        (
            change(gold(), Patch::Remove),
            "SET #plan = :plan REMOVE #plan_expires_at",
        ),
        (change(Patch::Remove, Patch::Keep), "REMOVE #plan, #plan_expires_at"),
        (change(Patch::Remove, Patch::Remove), "REMOVE #plan, #plan_expires_at"),
        (change(Patch::Keep, Patch::Remove), "REMOVE #plan_expires_at"),
    ] {
        assert_eq!(expression(change), (written.to_owned(), "#status = :active"));
    }
    let (written, condition) = expression(change(Patch::Keep, Patch::Set(LATER)));
    assert_eq!(written, "SET #plan_expires_at = :plan_expires_at");
    assert_eq!(condition, "#status = :active AND attribute_exists(#plan)");
}

#[test]
fn what_cannot_be_is_said() {
    let why = |change: ApiKeyChange| change.update(NOW).unwrap_err().to_string();
    let nothing = ApiKeyChange::default();
    insta::assert_snapshot!(why(nothing.clone()), @"nothing is named that is to change");
    let end_of_none = ApiKeyChange {
        plan: Patch::Remove,
        plan_expires_at: Patch::Set(LATER),
        ..nothing.clone()
    };
    insta::assert_snapshot!(why(end_of_none), @"a plan that is taken away has no end");
    // As for a new key: the rest of the messages is tested there.
    for wrong in [
        ApiKeyChange {
            plan: Patch::Set(String::new()),
            ..nothing.clone()
        },
        ApiKeyChange {
            name: Patch::Set("\u{1b}[2J".into()),
            ..nothing.clone()
        },
        ApiKeyChange {
            name: Patch::Set("x".repeat(251)),
            ..nothing.clone()
        },
        ApiKeyChange {
            scopes: Patch::Set(vec!["ok".into(), "a b".into()]),
            ..nothing.clone()
        },
        ApiKeyChange {
            expires_at: Patch::Set(NOW),
            ..nothing.clone()
        },
        ApiKeyChange {
            plan_expires_at: Patch::Set(NOW),
            ..nothing.clone()
        },
        ApiKeyChange {
            expires_at: Patch::Set(Timestamp::from_secs(0)),
            ..nothing.clone()
        },
    ] {
        assert!(
            matches!(wrong.clone().update(NOW), Err(AdminError::Invalid(_))),
            "{wrong:?}"
        );
    }
    let soon = NOW.plus(Duration::from_secs(1));
    let right = ApiKeyChange {
        expires_at: Patch::Set(soon),
        ..nothing
    };
    assert!(right.update(NOW).is_ok());
}
