//! `records`: API keys, plans and sessions as a case writes them down. Keys and ids stand there as callers show them; the tables
//! get their hashes.

use serde_json::{Map, Value};
use tollgate::api_key::{ApiKey, ApiKeyRecord, KeyStatus};
use tollgate::clock::Timestamp;
use tollgate::limit::PlanDocument;
use tollgate::store::{SessionHash, SessionRecord};

use super::values::time;
use super::{DEFAULT_TIME, Records};
use crate::test::document::{Node, Object};

pub(super) fn records(node: &Node<'_>) -> Records {
    let Some(mut object) = node.object() else {
        return Records::default();
    };
    let records = Records {
        api_keys: each(&mut object, "api_keys", api_key),
        plans: each(&mut object, "plans", plan),
        sessions: each(&mut object, "sessions", session),
    };
    object.finish();
    records
}

/// The elements of a list, if it is there.
fn each<T>(object: &mut Object<'_>, name: &'static str, read: impl Fn(&mut Object<'_>) -> Option<T>) -> Vec<T> {
    let elements = object.take(name).and_then(|node| node.elements()).unwrap_or_default();
    let element = |node: &Node<'_>| {
        let mut object = node.object()?;
        let read = read(&mut object);
        object.finish();
        read
    };
    elements.iter().filter_map(element).collect()
}

fn api_key(object: &mut Object<'_>) -> Option<ApiKeyRecord> {
    let key = object.required("key").and_then(|node| node.parsed(key));
    let owner = object.required("owner").and_then(|node| node.text());
    let (plan, name) = (text(object, "plan"), text(object, "name"));
    let scopes = object.take("scopes").and_then(|node| node.elements());
    let mut scopes: Vec<String> = scopes.iter().flatten().filter_map(Node::text).collect();
    // As they are read from the table.
    scopes.sort_unstable();
    scopes.dedup();
    let status = object.take("status").and_then(|node| node.parsed(status));
    let expires_at = object.take("expires_at").and_then(|node| node.parsed(time));
    let plan_expires_at = object.take("plan_expires_at").and_then(|node| node.parsed(time));
    let limits = limits(object.take("limits").as_ref(), "key", "limits");
    let key = key?;
    Some(ApiKeyRecord {
        id: key.id().to_owned(),
        hash: key.hash(),
        previous: None,
        status: status.unwrap_or(KeyStatus::Active),
        owner: owner?,
        plan,
        plan_expires_at,
        limits,
        scopes,
        expires_at,
        created_at: DEFAULT_TIME,
        name,
    })
}

fn plan(object: &mut Object<'_>) -> Option<(String, PlanDocument)> {
    let name = object.required("name").and_then(|node| node.text())?;
    let node = object.required("limits");
    let limits = limits(node.as_ref(), &name, &format!("PLAN#{name}"))?;
    Some((name, limits))
}

/// As a config's `plans` has them.
fn limits(node: Option<&Node<'_>>, name: &str, item: &str) -> Option<PlanDocument> {
    let node = node?;
    let limits = PlanDocument::parse(name, item, node.raw());
    limits.map_err(|why| node.wrong(format!("is not right: {why}"))).ok()
}

fn session(object: &mut Object<'_>) -> Option<(SessionHash, SessionRecord)> {
    let id = object.required("id").and_then(|node| node.text());
    let claims = object.required("claims").and_then(|node| members(&node));
    let mut instant = |name| -> Option<Timestamp> { object.required(name)?.parsed(time) };
    let (created_at, expires_at) = (instant("created_at"), instant("expires_at"));
    let seen_at = object.take("seen_at").and_then(|node| node.parsed(time)).or(created_at);
    let session = SessionRecord {
        claims: claims?,
        created_at: created_at?,
        seen_at: seen_at?,
        expires_at: expires_at?,
    };
    Some((SessionHash::of(&id?), session))
}

fn text(object: &mut Object<'_>, name: &'static str) -> Option<String> {
    object.take(name).and_then(|node| node.text())
}

fn members(node: &Node<'_>) -> Option<Map<String, Value>> {
    let members = node.members()?.into_iter();
    Some(members.filter_map(|(name, node)| Some((name, node.value()?))).collect())
}

/// The message never shows the text: it may be one character from a key that is good elsewhere.
fn key(text: &str) -> Result<ApiKey, String> {
    ApiKey::parse(text).map_err(|why| format!("is no API key ({why}); `tollgate keys create` makes one"))
}

fn status(text: &str) -> Result<KeyStatus, String> {
    match text {
        "active" => Ok(KeyStatus::Active),
        "revoked" => Ok(KeyStatus::Revoked),
        other => Err(format!("{other:?} is not known; there are active, revoked")),
    }
}
