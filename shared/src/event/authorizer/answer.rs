//! What API Gateway is told: yes or no, and who calls.
//!
//! A policy
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html>), or the
//! simple response of HTTP APIs
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html>).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::str::FromStr;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::MethodArn;

/// The form of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseForm {
    /// `isAuthorized`: HTTP APIs with payload 2.0 whose authorizer has simple responses enabled.
    #[default]
    Simple,
    /// A policy: every other API.
    Policy,
}

impl FromStr for ResponseForm {
    type Err = String;

    /// Reads `AUTHORIZER_RESPONSE`. The error is ready to be shown.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "simple" => Ok(Self::Simple),
            "policy" => Ok(Self::Policy),
            other => Err(format!(
                "AUTHORIZER_RESPONSE: \"{other}\" is no form of an answer; it is simple or policy"
            )),
        }
    }
}

/// A decision that API Gateway can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// Whether the request may go on.
    pub allowed: bool,
    /// Who calls, for `$context.authorizer.principalId`; a simple response has no room for it.
    pub principal: String,
    /// What integrations and access logs see as `$context.authorizer`: strings alone, as REST APIs want them.
    pub context: BTreeMap<String, String>,
}

/// The answer's JSON. A policy names the one method of `arn`, and never a pattern: an `arn` that is one
/// ([`MethodArn::is_exact`]) is not for a ruling that allows.
pub fn write(ruling: &Ruling, form: ResponseForm, arn: &MethodArn) -> Box<RawValue> {
    let context = &ruling.context;
    // Strings and maps keyed by strings: writing them to memory has no way to fail.
    let written = match form {
        ResponseForm::Simple => to_raw_value(&Simple {
            is_authorized: ruling.allowed,
            context,
        }),
        ResponseForm::Policy => to_raw_value(&Policy {
            principal_id: &ruling.principal,
            policy_document: Document {
                version: "2012-10-17",
                statement: [Statement {
                    action: "execute-api:Invoke",
                    effect: if ruling.allowed { "Allow" } else { "Deny" },
                    resource: arn.without_patterns(),
                }],
            },
            context,
        }),
    };
    written.unwrap_or_default()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Simple<'r> {
    is_authorized: bool,
    context: &'r BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Policy<'r> {
    principal_id: &'r str,
    policy_document: Document<'r>,
    context: &'r BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document<'r> {
    version: &'static str,
    statement: [Statement<'r>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement<'r> {
    action: &'static str,
    effect: &'static str,
    resource: Cow<'r, str>,
}
