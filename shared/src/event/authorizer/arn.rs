//! The ARN of one method of an API: what a policy allows or denies.
//!
//! `arn:{partition}:execute-api:{region}:{account}:{api}/{stage}/{METHOD}/{path}`
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-control-access-using-iam-policies-to-invoke-api.html>).

use std::borrow::Cow;

/// What stands for other text in a policy's resource: wildcards, and what begins a variable
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html>,
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>).
const SPECIAL: [(&str, &str); 3] = [("*", "%2A"), ("?", "%3F"), ("${", "%24{")];

/// An ARN as the event has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MethodArn(String);

impl MethodArn {
    /// Reads one; `None` for any other text.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let head: Vec<&str> = parts.next()?.split(':').collect();
        let ["arn", partition, "execute-api", region, account, api] = head.as_slice() else {
            return None;
        };
        let (stage, method) = (parts.next()?, parts.next()?);
        let complete = [partition, region, account, api, &stage, &method];
        complete
            .iter()
            .all(|part| !part.is_empty())
            .then(|| Self(text.to_owned()))
    }

    /// The text that the event has.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The method, as the client sent it.
    pub(super) fn method(&self) -> &str {
        self.0.split('/').nth(2).unwrap_or_default()
    }

    /// The path, without the slash in front; empty for the root.
    pub(super) fn path(&self) -> &str {
        self.0.splitn(4, '/').nth(3).unwrap_or_default()
    }

    /// Whether a policy that names it means this method alone. Where it does not, the path (or, in a console's test,
    /// the stage) holds what a policy reads as a pattern. IAM has variables that stand for these characters (`${*}`);
    /// whether API Gateway reads them in an authorizer's policy is written nowhere, so that nothing is built on it.
    pub fn is_exact(&self) -> bool {
        SPECIAL.iter().all(|(special, _)| !self.0.contains(special))
    }

    /// A text that can be denied, and is no pattern: what is special is percent-encoded, which spells the same path.
    pub(super) fn without_patterns(&self) -> Cow<'_, str> {
        if self.is_exact() {
            return Cow::Borrowed(&self.0);
        }
        let escaped = |text: String, (special, escape): &(&str, &str)| text.replace(special, escape);
        Cow::Owned(SPECIAL.iter().fold(self.0.clone(), escaped))
    }
}
