//! How the config names a claim: a dotted path into what a credential proves.

use serde_json::{Map, Value};

/// What a credential proves about its holder: the members of a token, of an introspection's answer, of a key's record.
/// Whatever the credential, the same rules read them.
pub type Claims = Map<String, Value>;

/// How long claims are as JSON, about: what remembering them costs is a few times as much.
pub(super) fn json_length(claims: &Claims) -> usize {
    claims
        .iter()
        .map(|(name, value)| name.len() + value.to_string().len())
        .sum()
}

/// The path to a claim: names of members, outermost first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClaimPath {
    text: Box<str>,
    /// Never empty.
    steps: Box<[Box<str>]>,
}

impl ClaimPath {
    /// Reads a path: `tenant`, `realm_access.roles`, `custom\.name` for a dot in a name (`\\` for a backslash). A name
    /// that is a URL, as issuers give their own claims (RFC 7519 section 4.2), is one name as it stands.
    ///
    /// # Errors
    /// Ready to be shown.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with("https://") || text.starts_with("http://") {
            return Ok(Self::of_name(text));
        }
        Ok(Self {
            text: text.into(),
            steps: split(text)?.into(),
        })
    }

    /// A claim at the outermost level, by its name as it stands.
    pub fn of_name(name: &str) -> Self {
        Self {
            text: name.into(),
            steps: [name.into()].into(),
        }
    }

    /// As the config has it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The claim, if there is one. Only objects are looked into.
    pub fn find<'c>(&self, claims: &'c Claims) -> Option<&'c Value> {
        let (first, rest) = self.steps.split_first()?;
        let outermost = claims.get(&**first)?;
        rest.iter()
            .try_fold(outermost, |value, step| value.as_object()?.get(&**step))
    }
}

fn split(text: &str) -> Result<Vec<Box<str>>, String> {
    let mut steps = Vec::new();
    let mut step = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '.' => steps.push(std::mem::take(&mut step)),
            '\\' => match characters.next() {
                Some(escaped @ ('.' | '\\')) => step.push(escaped),
                _ => return Err(format!("{text:?} has a backslash before neither a dot nor a backslash")),
            },
            other => step.push(other),
        }
    }
    steps.push(step);
    match steps.iter().any(String::is_empty) {
        true => Err(format!("{text:?} is not a path to a claim: a name in it is empty")),
        false => Ok(steps.into_iter().map(String::into_boxed_str).collect()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn found(path: &str) -> Option<Value> {
        let claims = json!({
            "sub": "a", "realm": { "roles": ["x"], "deep": { "er": null } }, "a.b": 1, "a": { "b": 2 },
            "https://example.com/roles": "admin", "list": [{ "name": "y" }], "back\\slash": true,
        });
        let path = ClaimPath::parse(path).unwrap();
        path.find(claims.as_object().unwrap()).cloned()
    }

    #[test]
    fn paths_lead_through_objects() {
        for (path, value) in [
            ("sub", Some(json!("a"))),
            ("realm.roles", Some(json!(["x"]))),
            ("realm.deep.er", Some(json!(null))),
            ("a.b", Some(json!(2))),
            (r"a\.b", Some(json!(1))),
            (r"back\\slash", Some(json!(true))),
            ("https://example.com/roles", Some(json!("admin"))),
            ("list.name", None),
            ("list.0", None),
            ("sub.a", None),
            ("Sub", None),
            ("realm.none", None),
        ] {
            assert_eq!(found(path), value, "{path}");
        }
    }

    #[test]
    fn what_leads_nowhere_is_refused() {
        for path in ["", ".", "a.", ".a", "a..b", r"a\", r"a\b", r"\"] {
            assert!(ClaimPath::parse(path).is_err(), "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_name_can_be_named(names in prop::collection::vec("[^/]{1,6}", 1..4)) {
            let escaped: Vec<String> = names.iter().map(|name| name.replace('\\', r"\\").replace('.', r"\.")).collect();
            let path = ClaimPath::parse(&escaped.join(".")).unwrap();
            let value = names.iter().rev().fold(json!("here"), |inner, name| json!({ name.as_str(): inner }));
            prop_assert_eq!(path.find(value.as_object().unwrap()), Some(&json!("here")));
        }
    }
}
