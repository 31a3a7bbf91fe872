//! `type: platform`: who the caller is by the word of the front door's own authorizer.
//!
//! The authorizer ran before the gateway and its result stands in the event, where no client can write. A method names
//! the one that it believes; what another one left there is not there for it.

#[cfg(test)]
mod tests;

use serde_json::Value;

use super::claim_path::Claims;
use super::json;
use super::refusal::Refusal;
use crate::event::EventKind;
use crate::request::PlatformFacts;

/// Whose result counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlatformSource {
    /// `iam`: the signature of an AWS request, on every front door but a load balancer.
    Iam,
    /// `jwt`: an HTTP API's JWT authorizer.
    Jwt,
    /// `lambda`: a Lambda authorizer of a REST or HTTP API.
    Lambda,
    /// `cognito`: a REST API's Cognito user pool authorizer.
    Cognito,
}

impl PlatformSource {
    /// Its word in the config.
    pub fn name(self) -> &'static str {
        match self {
            Self::Iam => "iam",
            Self::Jwt => "jwt",
            Self::Lambda => "lambda",
            Self::Cognito => "cognito",
        }
    }
}

/// What this authorizer says of the caller; `None` where it said nothing.
///
/// # Errors
/// A result that is not as the authorizer writes it.
pub fn claims(from: PlatformSource, facts: &PlatformFacts) -> Result<Option<Claims>, Refusal> {
    match (from, facts.door) {
        (PlatformSource::Iam, EventKind::Rest) => {
            object_in(facts.iam_identity.as_deref())?.map(iam_of_rest).transpose()
        }
        (PlatformSource::Iam, EventKind::Http | EventKind::Url) => {
            member(facts, "iam")?.map(iam_of_payload_v2).transpose()
        }
        (PlatformSource::Jwt, EventKind::Http) => member(facts, "jwt")?.map(token).transpose(),
        (PlatformSource::Lambda, EventKind::Http) => Ok(member(facts, "lambda")?.and_then(context)),
        (PlatformSource::Lambda, EventKind::Rest) => Ok(rest_authorizer(facts, false)?.and_then(context)),
        (PlatformSource::Cognito, EventKind::Rest) => rest_authorizer(facts, true)?.map(token).transpose(),
        _ => Ok(None),
    }
}

/// The object of this authorizer in payload format 2.0, which has one for each kind.
fn member(facts: &PlatformFacts, name: &'static str) -> Result<Option<Claims>, Refusal> {
    let Some(mut authorizer) = object_in(facts.authorizer.as_deref())? else {
        return Ok(None);
    };
    match authorizer.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(members)) => Ok(Some(members)),
        Some(_) => Err(Refusal::of("from", format!("authorizer.{name} is not an object"))),
    }
}

/// A REST API has one object for all. A Lambda authorizer's context holds no objects, so that `claims` is one only where
/// the authorizer is Cognito's
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html>).
fn rest_authorizer(facts: &PlatformFacts, of_cognito: bool) -> Result<Option<Claims>, Refusal> {
    let authorizer = object_in(facts.authorizer.as_deref())?;
    Ok(authorizer.filter(|members| members.get("claims").is_some_and(Value::is_object) == of_cognito))
}

fn object_in(json: Option<&str>) -> Result<Option<Claims>, Refusal> {
    let refused = || {
        Refusal::of(
            "from",
            "what the front door says of the caller is not an object without duplicates",
        )
    };
    json.map(|json| json::object(json.as_bytes()).ok_or_else(refused))
        .transpose()
}

/// A token that API Gateway verified: its claims, each as text. Lists come as `[a b]` and stay so: a claim that is one
/// text in brackets looks the same. `scopes` is a list or null.
fn token(mut result: Claims) -> Result<Claims, Refusal> {
    let Some(Value::Object(mut claims)) = result.remove("claims") else {
        return Err(Refusal::of("from", "the authorizer's claims are not an object"));
    };
    // The token's own claim is the whole of it; `scopes` stands in where a token has its scopes elsewhere.
    if !claims.contains_key("scope")
        && let Some(scope) = joined(result.get("scopes"))?
    {
        claims.insert("scope".into(), scope.into());
    }
    Ok(claims)
}

fn joined(scopes: Option<&Value>) -> Result<Option<String>, Refusal> {
    let list = match scopes {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(list)) => list.iter().map(Value::as_str).collect::<Option<Vec<&str>>>(),
        Some(_) => None,
    };
    match list {
        Some(list) => Ok(Some(list.join(" "))),
        None => Err(Refusal::of("from", "the authorizer's scopes are not a list of strings")),
    }
}

/// What a Lambda authorizer chose to say. `sub` is its own, or else the principal; an empty context is nobody.
fn context(mut members: Claims) -> Option<Claims> {
    members.remove("integrationLatency"); // API Gateway's, about the authorizer's run
    if !members.contains_key("sub")
        && let Some(principal) = members.get("principalId").cloned()
    {
        members.insert("sub".into(), principal);
    }
    (!members.is_empty()).then_some(members)
}

/// Who signed, as HTTP APIs and Function URLs write it.
fn iam_of_payload_v2(caller: Claims) -> Result<Claims, Refusal> {
    let cognito = caller.get("cognitoIdentity").and_then(Value::as_object);
    let of_cognito = |name| cognito.and_then(|identity| identity.get(name));
    iam([
        ("user_arn", caller.get("userArn")),
        ("user_id", caller.get("userId")),
        ("account_id", caller.get("accountId")),
        ("principal_org_id", caller.get("principalOrgId")),
        ("cognito_identity_id", of_cognito("identityId")),
        ("cognito_identity_pool_id", of_cognito("identityPoolId")),
        ("cognito_amr", of_cognito("amr")),
    ])
}

/// Who signed, as REST APIs write it.
fn iam_of_rest(identity: Claims) -> Result<Claims, Refusal> {
    iam([
        ("user_arn", identity.get("userArn")),
        ("user_id", identity.get("user")),
        ("account_id", identity.get("accountId")),
        ("principal_org_id", identity.get("principalOrgId")),
        ("cognito_identity_id", identity.get("cognitoIdentityId")),
        ("cognito_identity_pool_id", identity.get("cognitoIdentityPoolId")),
        ("cognito_amr", identity.get("cognitoAuthenticationType")),
    ])
}

/// The claims of who signed. The access key's id is left out: it is half of a credential, and changes with each session.
///
/// All users of an identity pool share the ARN of a role's one session, `.../CognitoIdentityCredentials`: there the
/// identity is who it is.
fn iam(members: [(&str, Option<&Value>); 7]) -> Result<Claims, Refusal> {
    let mut claims = Claims::new();
    for (name, value) in members {
        match value {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if !text.is_empty() => drop(claims.insert(name.into(), text.as_str().into())),
            Some(Value::Array(list)) if list.iter().all(Value::is_string) => {
                claims.insert(name.into(), list.as_slice().into());
            }
            Some(_) => return Err(Refusal::of("from", format!("the caller's {name} is not text"))),
        }
    }
    let sub = claims
        .get("cognito_identity_id")
        .or_else(|| claims.get("user_arn"))
        .cloned();
    match sub {
        Some(sub) if claims.contains_key("user_arn") => {
            claims.insert("sub".into(), sub);
            Ok(claims)
        }
        _ => Err(Refusal::of("from", "the caller has no userArn")),
    }
}
