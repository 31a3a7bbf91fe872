//! `tollgate sessions`: begins and ends opaque sessions. For trying things out, and for support; a login service writes the
//! same item itself (`docs/keys.md`).

use std::time::Duration;

use serde_json::{Map, Value};
use tollgate::clock::{Clock, SystemClock};
use tollgate::store::SessionHash;
use tollgate::store::dynamodb::{AdminError, Sessions};

use crate::args::{SessionsAction, SessionsOptions};
use crate::dev::calendar::iso_8601;
use crate::dev::identity_provider::claim_value;
use crate::dev::tables;
use crate::exit::{Failure, note, print};
use crate::place::Place;

pub(crate) async fn run(options: SessionsOptions) -> Result<(), Failure> {
    let place = Place::of(&options.place, options.table, tables::STATE, "STATE_TABLE").await?;
    let sessions = Sessions::new(place.client.clone(), &place.table);
    match options.action {
        SessionsAction::Create { sub, claim, expires } => {
            create(&place, &sessions, claims(&sub, &claim), expires).await
        }
        SessionsAction::Revoke { session } => {
            let ended = end(&sessions, &session).await.map_err(|error| place.failure(&error))?;
            if !ended {
                return Err(Failure::usage(format!("there is no such session in {place}")));
            }
            note("the session is ended; gateways that know it refuse it within 30 seconds");
            Ok(())
        }
    }
}

async fn create(
    place: &Place,
    sessions: &Sessions,
    claims: Map<String, Value>,
    lifetime: Duration,
) -> Result<(), Failure> {
    let made = sessions.create(claims, lifetime, SystemClock.now()).await;
    let (id, session) = made.map_err(|error| place.failure(&error))?;
    let (hash, end) = (id.hash(), iso_8601(session.expires_at));
    note(&format!("session {} until {end}, in {place}", hash.as_str()));
    print(&format!("{}\n", id.secret_text()))
}

/// A claim that is given wins, as it does in a token.
fn claims(sub: &str, given: &[(String, String)]) -> Map<String, Value> {
    let given = given.iter().map(|(name, value)| (name.clone(), claim_value(value)));
    std::iter::once(("sub".to_owned(), sub.into())).chain(given).collect()
}

/// By the cookie's value or by its hash: both are at hand in one case or another, and neither can be taken for the other.
async fn end(sessions: &Sessions, session: &str) -> Result<bool, AdminError> {
    if sessions.revoke(&SessionHash::of(session)).await? {
        return Ok(true);
    }
    match SessionHash::parse(session) {
        Some(hash) => sessions.revoke(&hash).await,
        None => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn claims_are_json_where_they_can_be() {
        let given = [("role", "admin"), ("teams", r#"["a"]"#), ("level", "3")];
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let expected = json!({ "sub": "ann", "role": "admin", "teams": ["a"], "level": 3 });
        assert_eq!(Value::Object(claims("ann", &given)), expected);
    }
}
