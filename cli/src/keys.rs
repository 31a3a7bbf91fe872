//! `tollgate keys`: makes, lists, changes, revokes and rotates API keys. A key goes to standard output alone, so that a script
//! can catch it; what is to be said besides goes to standard error.

use tollgate::api_key::{ApiKey, ApiKeyRecord};
use tollgate::clock::{Clock, SystemClock, Timestamp};
use tollgate::store::dynamodb::{ApiKeys, LARGEST_PAGE, NewApiKey, Revocation};

use crate::args::{CreateKeyOptions, KeysAction, KeysOptions};
use crate::dev::calendar::iso_8601;
use crate::dev::tables;
use crate::exit::{Failure, note, print};
use crate::pages;
use crate::place::Place;

mod listing;

pub(crate) async fn run(options: KeysOptions) -> Result<(), Failure> {
    let place = Place::of(&options.place, options.table, tables::CONFIG, "CONFIG_TABLE").await?;
    let keys = ApiKeys::new(place.client.clone(), &place.table);
    let now = SystemClock.now();
    let done = match options.action {
        KeysAction::Create(options) => keys.create(wanted(options, now), now).await.map(|(key, record)| {
            note(&format!("{}, in {place}", listing::summary(&record)));
            key
        }),
        KeysAction::Rotate { id, grace } => keys.rotate(&id_of(&id)?, grace, now).await.map(|(key, record)| {
            note(&format!("{}, in {place}", listing::summary(&record)));
            note(&old_key(&record));
            key
        }),
        KeysAction::Change { id, change } => {
            let changed = keys.change(&id_of(&id)?, change.at(now), now).await;
            let record = changed.map_err(|error| place.failure(&error))?;
            note(&format!("{}, in {place}", listing::summary(&record)));
            note("gateways that know it follow within 30 seconds");
            return Ok(());
        }
        KeysAction::Revoke { id } => {
            let id = id_of(&id)?;
            let revoked = keys.revoke(&id).await.map_err(|error| place.failure(&error))?;
            note(&after_revocation(&id, revoked));
            return Ok(());
        }
        KeysAction::List { owner, json } => {
            let page = async |after: Option<String>| keys.list(&owner, after.as_deref(), LARGEST_PAGE).await;
            let found = pages::all("API key", page).await;
            let found = found.map_err(|error| place.failure(&error))?;
            return show(&found, &owner, json, now);
        }
    };
    let key: ApiKey = done.map_err(|error| place.failure(&error))?;
    print(&format!("{}\n", key.secret_text()))
}

/// The id of a key, or of a whole key that somebody has found. Nothing else is sent or shown: it may be a secret.
fn id_of(text: &str) -> Result<String, Failure> {
    match ApiKey::parse(text) {
        Ok(key) => Ok(key.id().to_owned()),
        Err(_) if ApiKey::is_id(text) => Ok(text.to_owned()),
        Err(_) => Err(Failure::usage(
            "that is no id of an API key (12 letters and digits), and no whole key".to_owned(),
        )),
    }
}

fn wanted(options: CreateKeyOptions, now: Timestamp) -> NewApiKey {
    NewApiKey {
        owner: options.owner,
        plan: options.plan,
        plan_expires_at: options.plan_expires.map(|time| now.plus(time)),
        limits: options.limits,
        scopes: options.scope,
        expires_at: options.expires.map(|lifetime| now.plus(lifetime)),
        name: options.name,
    }
}

fn old_key(record: &ApiKeyRecord) -> String {
    match record.previous {
        Some(previous) => format!("the key before it is refused from {} on", iso_8601(previous.until)),
        None => "the key before it is refused".to_owned(),
    }
}

fn after_revocation(id: &str, revoked: Revocation) -> String {
    match revoked {
        Revocation::Now => format!("API key {id} is revoked; gateways that know it refuse it within 30 seconds"),
        Revocation::Before => format!("API key {id} was revoked before"),
    }
}

fn show(keys: &[ApiKeyRecord], owner: &str, json: bool, now: Timestamp) -> Result<(), Failure> {
    if json {
        return print(&listing::json(keys, now));
    }
    if keys.is_empty() {
        note(&format!("{owner:?} has no keys"));
    }
    print(&listing::table(keys, now))
}
