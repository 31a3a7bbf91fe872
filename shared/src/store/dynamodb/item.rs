//! Items as they are written here, read strictly: whatever is not of that shape is an error which names table, item and
//! attribute, and never a value.

use std::collections::HashMap;
use std::fmt::Display;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::clock::Timestamp;
use crate::limit::PlanDocument;
use crate::store::StoreError;

/// The attributes of an item.
pub(super) type Attributes = HashMap<String, AttributeValue>;

/// An item and where it was found.
#[derive(Debug)]
pub(super) struct Item {
    table: String,
    pk: String,
    attributes: Attributes,
}

impl Item {
    pub(super) fn new(table: &str, pk: String, attributes: Attributes) -> Self {
        Self {
            table: table.to_owned(),
            pk,
            attributes,
        }
    }

    /// Its partition key.
    pub(super) fn pk(&self) -> &str {
        &self.pk
    }

    /// What its partition key says after the kind of record.
    pub(super) fn name(&self, prefix: &str) -> &str {
        self.pk.strip_prefix(prefix).unwrap_or(&self.pk)
    }

    /// An attribute that must be there.
    pub(super) fn needed<'a, T>(
        &'a self,
        name: &str,
        read: impl FnOnce(&'a Self, &str) -> Result<Option<T>, StoreError>,
    ) -> Result<T, StoreError> {
        read(self, name)?.ok_or_else(|| self.malformed(name, "is missing"))
    }

    /// S.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, StoreError> {
        self.read(name, "is not a string", |value| value.as_s().ok().map(String::as_str))
    }

    /// B.
    pub(super) fn bytes(&self, name: &str) -> Result<Option<&[u8]>, StoreError> {
        self.read(name, "is not binary", |value| value.as_b().ok().map(AsRef::as_ref))
    }

    /// N: whole seconds since the epoch.
    pub(super) fn seconds(&self, name: &str) -> Result<Option<Timestamp>, StoreError> {
        let wrong = "is not a whole number of seconds since 1970";
        self.read(name, wrong, |value| whole(value).map(Timestamp::from_secs))
    }

    /// N: whole milliseconds since the epoch.
    pub(super) fn millis(&self, name: &str) -> Result<Option<Timestamp>, StoreError> {
        let wrong = "is not a whole number of milliseconds since 1970";
        self.read(name, wrong, |value| whole(value).map(Timestamp::from_millis))
    }

    /// SS or a list of S, sorted, each once; none when it is missing.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, StoreError> {
        let mut texts = self
            .read(name, "is not a set or list of strings", strings)?
            .unwrap_or_default();
        texts.sort_unstable();
        texts.dedup();
        Ok(texts)
    }

    /// S: limits as the config writes those of a plan. `name` is what `RateLimit` headers call them.
    pub(super) fn limits(&self, attribute: &str, name: &str) -> Result<Option<PlanDocument>, StoreError> {
        let Some(text) = self.text(attribute)? else {
            return Ok(None);
        };
        let limits = PlanDocument::parse(name, &self.pk, text);
        limits
            .map(Some)
            .map_err(|why| self.malformed(attribute, format!("is not right: {why}")))
    }

    /// An attribute, if it is there; `wrong` says what it is when it cannot be read.
    pub(super) fn read<'a, T>(
        &'a self,
        name: &str,
        wrong: &str,
        read: impl FnOnce(&'a AttributeValue) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        let Some(value) = self.attributes.get(name) else {
            return Ok(None);
        };
        read(value).map(Some).ok_or_else(|| self.malformed(name, wrong))
    }

    /// What is wrong with an attribute.
    pub(super) fn malformed(&self, name: &str, wrong: impl Display) -> StoreError {
        StoreError::Malformed(format!("table {}, item {}: `{name}` {wrong}", self.table, self.pk))
    }
}

fn whole(value: &AttributeValue) -> Option<u64> {
    value.as_n().ok()?.parse().ok()
}

fn strings(value: &AttributeValue) -> Option<Vec<String>> {
    match value {
        AttributeValue::Ss(texts) => Some(texts.clone()),
        AttributeValue::L(values) => values.iter().map(|value| value.as_s().ok().cloned()).collect(),
        _ => None,
    }
}

/// S.
pub(super) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// N.
pub(super) fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(value: AttributeValue) -> Item {
        Item::new("config", "KEY#a".into(), Attributes::from([("x".to_owned(), value)]))
    }

    fn why<T: std::fmt::Debug>(result: Result<T, StoreError>) -> String {
        match result {
            Err(StoreError::Malformed(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_there_is_read() {
        assert_eq!(item(text("a")).needed("x", Item::text), Ok("a"));
        assert_eq!(item(number(7)).seconds("x"), Ok(Some(Timestamp::from_secs(7))));
        assert_eq!(item(number(7)).millis("x"), Ok(Some(Timestamp::from_millis(7))));
        let set = AttributeValue::Ss(vec!["b".into(), "a".into()]);
        assert_eq!(item(set).texts("x"), Ok(vec!["a".into(), "b".into()]));
        let list = AttributeValue::L(vec![text("b"), text("a"), text("b")]);
        assert_eq!(item(list).texts("x"), Ok(vec!["a".into(), "b".into()]));
    }

    #[test]
    fn what_is_missing_is_said_only_where_it_is_needed() {
        let item = item(text("a"));
        assert_eq!(item.text("y"), Ok(None));
        assert_eq!(item.seconds("y"), Ok(None));
        assert_eq!(item.texts("y"), Ok(Vec::new()));
        let missing = item.needed("y", Item::text);
        assert_eq!(why(missing), "table config, item KEY#a: `y` is missing");
    }

    #[test]
    fn another_type_is_an_error_without_the_value() {
        for value in [
            AttributeValue::Null(true),
            AttributeValue::N("very-secret".into()),
            AttributeValue::Bool(true),
        ] {
            let wrong = why(item(value.clone()).text("x"));
            assert_eq!(wrong, "table config, item KEY#a: `x` is not a string");
            let wrong = why(item(value).seconds("x"));
            assert!(
                wrong.ends_with("`x` is not a whole number of seconds since 1970"),
                "{wrong}"
            );
        }
        for hostile in ["-1", "1.5", "1E9", "99999999999999999999", "", "NaN", " 1"] {
            why(item(AttributeValue::N(hostile.into())).millis("x"));
        }
        for hostile in [text("a b"), AttributeValue::L(vec![text("a"), number(1)])] {
            why(item(hostile).texts("x"));
        }
    }
}
