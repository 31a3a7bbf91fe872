//! What answers tell browsers to be careful about (`security_headers`).

use http::header::{
    CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue};

/// What `standard` sets: what OWASP asks of any site (<https://owasp.org/www-project-secure-headers/>), as far as it holds
/// for pages and APIs alike.
const STANDARD: [(HeaderName, &str); 5] = [
    // Not for names below this one: that a gateway cannot know (RFC 6797 section 6.1.2).
    (STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (CONTENT_SECURITY_POLICY, "frame-ancestors 'none'"),
    (REFERRER_POLICY, "no-referrer"),
];

/// Both say who may put a page into a frame, and where a browser gets both, `Content-Security-Policy` alone counts (its level 3,
/// section 6.4.2.1): one of ours beside one of theirs would overrule it.
const FRAMING: [HeaderName; 2] = [X_FRAME_OPTIONS, CONTENT_SECURITY_POLICY];

/// The headers of one or several routes, ready to be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityHeaders(Vec<(HeaderName, HeaderValue)>);

impl SecurityHeaders {
    /// The standard ones, and in place of some of them, or beside them, these; `None`: not that one.
    pub fn standard_but(own: Vec<(HeaderName, Option<HeaderValue>)>) -> Self {
        let is_own = |name: &HeaderName| own.iter().any(|(given, _)| same_matter(given, name));
        let standard = STANDARD.into_iter().filter(|(name, _)| !is_own(name));
        let mut headers: Vec<_> = standard
            .map(|(name, value)| (name, HeaderValue::from_static(value)))
            .collect();
        headers.extend(own.into_iter().filter_map(|(name, value)| Some((name, value?))));
        Self(headers)
    }

    /// Sets those that are not there: a service knows its own pages better. `https`: whether the client used TLS; else
    /// there is no `Strict-Transport-Security` (RFC 6797 section 7.2).
    pub fn stamp(&self, headers: &mut HeaderMap, https: bool) {
        let theirs = |name: &HeaderName| headers.keys().any(|given| same_matter(given, name));
        let fits = |name: &HeaderName| (https || *name != STRICT_TRANSPORT_SECURITY) && !theirs(name);
        let missing: Vec<_> = self.0.iter().filter(|(name, _)| fits(name)).cloned().collect();
        headers.extend(missing);
    }
}

fn same_matter(one: &HeaderName, other: &HeaderName) -> bool {
    one == other || FRAMING.contains(one) && FRAMING.contains(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::headers;

    fn stamped(rules: &SecurityHeaders, https: bool, theirs: &[(&str, &str)]) -> Vec<String> {
        let mut answer = headers(theirs);
        rules.stamp(&mut answer, https);
        let line = |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}", value.to_str().expect("text"));
        let mut lines: Vec<String> = answer.iter().map(line).collect();
        lines.sort();
        lines
    }

    #[test]
    fn the_standard_ones_are_set() {
        let standard = SecurityHeaders::standard_but(Vec::new());
        let expected = [
            "content-security-policy: frame-ancestors 'none'",
            "referrer-policy: no-referrer",
            "strict-transport-security: max-age=31536000",
            "x-content-type-options: nosniff",
            "x-frame-options: DENY",
        ];
        assert_eq!(stamped(&standard, true, &[]), expected);
        let without_tls = stamped(&standard, false, &[]);
        assert_eq!(without_tls.len(), 4, "{without_tls:?}");
        assert!(!without_tls.iter().any(|line| line.starts_with("strict")));
    }

    #[test]
    fn an_answers_own_value_stays() {
        let standard = SecurityHeaders::standard_but(Vec::new());
        let theirs = [
            ("x-frame-options", "SAMEORIGIN"),
            ("content-security-policy", "a"),
            ("content-security-policy", "b"),
        ];
        let lines = stamped(&standard, true, &theirs);
        assert!(
            lines.contains(&"x-frame-options: SAMEORIGIN".to_owned()) && lines.len() == 6,
            "{lines:?}"
        );
    }

    #[test]
    fn nothing_is_set_beside_what_an_answer_says_of_frames() {
        let standard = SecurityHeaders::standard_but(Vec::new());
        for theirs in [
            ("x-frame-options", "SAMEORIGIN"),
            ("content-security-policy", "default-src 'self'"),
        ] {
            let expected = [
                format!("{}: {}", theirs.0, theirs.1),
                "referrer-policy: no-referrer".into(),
                "x-content-type-options: nosniff".into(),
            ];
            let mut lines = stamped(&standard, false, &[theirs]);
            lines.sort_by_key(|line| !line.starts_with(theirs.0));
            assert_eq!(lines, expected);
        }
        let own = vec![(X_FRAME_OPTIONS, Some(HeaderValue::from_static("SAMEORIGIN")))];
        let lines = stamped(&SecurityHeaders::standard_but(own), false, &[]);
        assert!(
            !lines.iter().any(|line| line.starts_with("content-security-policy")),
            "{lines:?}"
        );
    }

    #[test]
    fn some_may_be_others_and_some_none() {
        let own = vec![
            (X_FRAME_OPTIONS, Some(HeaderValue::from_static("SAMEORIGIN"))),
            (CONTENT_SECURITY_POLICY, None),
            (
                HeaderName::from_static("permissions-policy"),
                Some(HeaderValue::from_static("camera=()")),
            ),
        ];
        let expected = [
            "permissions-policy: camera=()",
            "referrer-policy: no-referrer",
            "strict-transport-security: max-age=31536000",
            "x-content-type-options: nosniff",
            "x-frame-options: SAMEORIGIN",
        ];
        assert_eq!(stamped(&SecurityHeaders::standard_but(own), true, &[]), expected);
    }
}
