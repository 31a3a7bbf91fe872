//! Who may call: principals that IAM authenticated and authorized, and of them, if that is wished, only some.

use tollgate::auth::platform::{self, PlatformSource};
use tollgate::request::PlatformFacts;

/// The variable that names the patterns of those who may.
pub(crate) const VARIABLE: &str = "ADMIN_PRINCIPALS";

/// Which IAM principals are served.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Principals {
    /// Empty: every one whom IAM lets in.
    patterns: Vec<String>,
}

impl Principals {
    /// Reads a list of ARN patterns, separated by commas, in which `*` is any text; every one whom IAM lets in where
    /// there is none.
    ///
    /// # Errors
    /// What can be no pattern of an ARN, ready to be shown.
    pub fn parse(text: &str) -> Result<Self, String> {
        let patterns: Vec<String> = text.split(',').map(|pattern| pattern.trim().to_owned()).collect();
        if patterns.iter().all(String::is_empty) && patterns.len() == 1 {
            return Ok(Self::default());
        }
        let wrong: Vec<&String> = patterns.iter().filter(|pattern| !is_pattern(pattern)).collect();
        match wrong.is_empty() {
            true => Ok(Self { patterns }),
            false => Err(format!(
                "{VARIABLE}: {wrong:?}: write ARNs separated by commas, such as arn:aws:iam::123456789012:user/ann; `*` in one is any text"
            )),
        }
    }

    /// The ARN of the caller, who may call. What a client says in headers does not count.
    ///
    /// # Errors
    /// Why not, for the log.
    pub(crate) fn admit(&self, facts: &PlatformFacts) -> Result<String, String> {
        let claims = platform::claims(PlatformSource::Iam, facts)
            .map_err(|_| "the event's IAM identity is not as IAM writes it".to_owned())?;
        let arn = claims.as_ref().and_then(|claims| claims.get("user_arn")?.as_str());
        let arn = arn.ok_or_else(|| format!("the event (`{}`) carries no IAM identity", facts.door.name()))?;
        let named = self.patterns.is_empty() || self.patterns.iter().any(|pattern| matches(pattern, arn));
        match named {
            true => Ok(arn.to_owned()),
            false => Err(format!("{VARIABLE} does not name {arn}")),
        }
    }
}

/// `?` is a wildcard of IAM's own patterns and can stand in no ARN: here it would silently match nothing.
fn is_pattern(text: &str) -> bool {
    text.starts_with("arn:") && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'?')
}

/// Whether the text is the pattern, with any text in the place of each `*`.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut left) = text.strip_prefix(start) else {
        return false;
    };
    // The first place where a part fits leaves the most for those after it; the last one must end the text.
    let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    left.ends_with(end)
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use proptest::prelude::*;
    use tollgate::event::platform_facts;

    use super::*;

    const ANN: &str = "arn:aws:iam::123456789012:user/ann";

    fn admitted(patterns: &str, event: &serde_json::Value) -> Result<String, String> {
        let facts = platform_facts(&event.to_string()).unwrap();
        Principals::parse(patterns).unwrap().admit(&facts)
    }

    fn http_api(authorizer: &serde_json::Value) -> serde_json::Value {
        serde_json::json!({ "version": "2.0", "requestContext": { "http": {}, "authorizer": authorizer } })
    }

    #[test]
    fn every_front_door_with_iam_names_the_caller() {
        let iam = serde_json::json!({ "iam": { "userArn": ANN, "accountId": "123456789012" } });
        let mut url = http_api(&iam);
        url["requestContext"]["domainName"] = "x.lambda-url.eu-central-1.on.aws".into();
        let rest = serde_json::json!({
            "httpMethod": "GET", "path": "/", "requestContext": { "identity": { "userArn": ANN } },
        });
        for event in [http_api(&iam), url, rest] {
            assert_eq!(admitted("", &event).unwrap(), ANN, "{event}");
        }
    }

    #[test]
    fn who_is_not_proved_by_iam_is_nobody() {
        let not_iam = [
            serde_json::json!({}),
            serde_json::json!({ "iam": null }),
            serde_json::json!({ "iam": {} }),
            serde_json::json!({ "iam": { "userArn": "" } }),
            serde_json::json!({ "iam": { "userArn": null, "accountId": "1" } }),
            serde_json::json!({ "iam": { "userArn": [ANN] } }),
            serde_json::json!({ "iam": ANN }),
            serde_json::json!({ "userArn": ANN }),
            serde_json::json!({ "jwt": { "claims": { "userArn": ANN, "iam": { "userArn": ANN } } } }),
            serde_json::json!({ "lambda": { "userArn": ANN, "iam": { "userArn": ANN } } }),
        ];
        for authorizer in not_iam {
            let event = http_api(&authorizer);
            assert!(admitted("", &event).is_err(), "{event}");
        }
        let with_headers = serde_json::json!({
            "version": "2.0",
            "headers": { "x-amzn-iam-user-arn": ANN, "authorization": "AWS4-HMAC-SHA256 Credential=AKID" },
            "requestContext": { "http": { "method": "GET" } },
        });
        let rest = serde_json::json!({
            "httpMethod": "GET", "path": "/",
            "requestContext": { "identity": { "userArn": null }, "authorizer": { "iam": { "userArn": ANN } } },
        });
        let alb = serde_json::json!({
            "httpMethod": "GET", "path": "/",
            "requestContext": {
                "elb": { "targetGroupArn": "x" }, "identity": { "userArn": ANN },
                "authorizer": { "iam": { "userArn": ANN } },
            },
        });
        for event in [with_headers, rest, alb] {
            let why = admitted("", &event).unwrap_err();
            assert!(why.contains("carries no IAM identity"), "{event}: {why}");
        }
    }

    #[test]
    fn a_list_admits_only_whom_it_names() {
        let event = http_api(&serde_json::json!({ "iam": { "userArn": ANN } }));
        for patterns in [
            ANN,
            "arn:*",
            "arn:aws:iam::123456789012:user/*",
            "arn:aws:iam::*:user/ann",
            " arn:aws:iam::1:user/bob , arn:*:iam::*:user/a*n ",
        ] {
            assert_eq!(admitted(patterns, &event).as_deref(), Ok(ANN), "{patterns}");
        }
        for patterns in [
            "arn:aws:iam::123456789012:user/an",
            "arn:aws:iam::123456789012:user/annn*",
            "arn:aws:iam::123456789012:user/ANN",
            "arn:aws:iam::12345678901*2:user/ann*n",
            "arn:aws:sts::123456789012:assumed-role/ops/*",
        ] {
            let why = admitted(patterns, &event).unwrap_err();
            assert_eq!(why, format!("ADMIN_PRINCIPALS does not name {ANN}"));
        }
    }

    #[test]
    fn what_can_be_no_arn_is_refused() {
        for wrong in [
            "ann",
            "*",
            "arn:a,",
            ",",
            "arn:a,,arn:b",
            "arn:aws:iam::1:user/a?n",
            "arn:a b",
            "arn:\u{e4}",
        ] {
            assert!(Principals::parse(wrong).is_err(), "{wrong}");
        }
        assert_snapshot!(Principals::parse("arn:a, *,x y").unwrap_err());
        for none in ["", "  "] {
            assert_eq!(Principals::parse(none), Ok(Principals::default()));
        }
    }

    /// The same by trying every split.
    fn matches_slowly(pattern: &str, text: &str) -> bool {
        match pattern.split_once('*') {
            None => pattern == text,
            Some((start, rest)) => text.strip_prefix(start).is_some_and(|left| {
                let mut ends = left.char_indices().map(|(at, _)| at).chain([left.len()]);
                ends.any(|at| matches_slowly(rest, &left[at..]))
            }),
        }
    }

    proptest! {
        #[test]
        fn stars_are_any_text(pattern in "[ab*]{0,8}", text in "[ab]{0,8}") {
            prop_assert_eq!(matches(&pattern, &text), matches_slowly(&pattern, &text));
        }
    }
}
