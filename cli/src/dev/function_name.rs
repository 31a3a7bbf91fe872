//! How a caller of the Invoke API names a function: by name, ARN or partial ARN, each with or without a qualifier.
//!
//! Source: `FunctionName` of "Invoke" in AWS's Lambda API reference.

/// The longest name Lambda takes, in characters.
const LONGEST: usize = 256;

/// What [`FunctionName::parse`] reads, as the reference says it.
pub(crate) const PATTERN: &str = r"(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?";
/// What [`is_qualifier`] lets pass.
pub(crate) const QUALIFIER_PATTERN: &str = r"\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+";

/// A function's name in its parts. What a short form leaves out is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FunctionName<'a> {
    pub(crate) region: Option<&'a str>,
    pub(crate) account: Option<&'a str>,
    pub(crate) name: &'a str,
    /// A version or an alias.
    pub(crate) qualifier: Option<&'a str>,
}

impl<'a> FunctionName<'a> {
    /// Reads any of the forms; `None` for what Lambda's pattern does not match.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let parts: Vec<&str> = text.split(':').collect();
        let mut rest = match parts.as_slice() {
            ["arn", partition, "lambda", rest @ ..] if is_partition(partition) => rest,
            parts => parts,
        };
        let region = take(&mut rest, is_region);
        let account = take(&mut rest, is_account);
        take(&mut rest, |part| part == "function");
        let (name, qualifier) = match rest {
            [name] => (name, None),
            [name, qualifier] if is_qualifier(qualifier) => (name, Some(*qualifier)),
            _ => return None,
        };
        is_name(name).then_some(Self {
            region,
            account,
            name,
            qualifier,
        })
    }
}

/// Whether it is `$LATEST`, or in the form of a version or an alias.
pub(crate) fn is_qualifier(text: &str) -> bool {
    matches!(text, "$LATEST" | "$LATEST.PUBLISHED") || consists_of(text, "-_")
}

/// Takes the first part off if it passes, unless it is the last one: that is the name, whatever it looks like.
fn take<'a>(rest: &mut &[&'a str], passes: impl Fn(&str) -> bool) -> Option<&'a str> {
    match *rest {
        [first, after @ ..] if !after.is_empty() && passes(first) => {
            *rest = after;
            Some(first)
        }
        _ => None,
    }
}

fn is_partition(text: &str) -> bool {
    text.is_empty() || text.starts_with("aws") && text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-')
}

/// `us-east-1`, `us-gov-west-1`.
fn is_region(text: &str) -> bool {
    let words: Vec<&str> = text.split('-').collect();
    let letters = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    match words.as_slice() {
        [country, places @ .., digit] => {
            country.len() == 2
                && letters(country)
                && (1..=2).contains(&places.len())
                && places.iter().all(letters)
                && matches!(digit.as_bytes(), [b'0'..=b'9'])
        }
        _ => false,
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_name(text: &str) -> bool {
    consists_of(text, "-_.")
}

/// ASCII letters, digits and these, and not empty.
fn consists_of(text: &str, others: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        let (region, account) = (Some("us-east-1"), Some("123456789012"));
        for (text, region, account, qualifier) in [
            ("gateway", None, None, None),
            ("gateway:$LATEST", None, None, Some("$LATEST")),
            ("gateway:prod", None, None, Some("prod")),
            ("function:gateway", None, None, None),
            ("123456789012:function:gateway", None, account, None),
            ("123456789012:gateway:7", None, account, Some("7")),
            ("us-east-1:123456789012:function:gateway", region, account, None),
            (
                "arn:aws:lambda:us-east-1:123456789012:function:gateway",
                region,
                account,
                None,
            ),
            (
                "arn:aws:lambda:us-east-1:123456789012:function:gateway:v-1_a",
                region,
                account,
                Some("v-1_a"),
            ),
            (
                "arn:aws-cn:lambda:us-east-1:123456789012:function:gateway:$LATEST",
                region,
                account,
                Some("$LATEST"),
            ),
        ] {
            let expected = FunctionName {
                region,
                account,
                name: "gateway",
                qualifier,
            };
            assert_eq!(FunctionName::parse(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn the_last_part_is_the_name_whatever_it_looks_like() {
        for name in ["123456789012", "us-east-1", "function", "arn", "a.b-c_d"] {
            assert_eq!(FunctionName::parse(name).map(|parsed| parsed.name), Some(name));
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long = "x".repeat(257);
        for text in [
            "",
            ":",
            "gateway:",
            ":gateway",
            "gate way",
            "gateway/../x",
            "gateway\0",
            "gâteway",
            "gateway:$OLDEST",
            "gateway:a:b",
            "arn:aws:lambda",
            "arn:aws:lambda:us-east-1:123456789012:function:",
            "arn:aws:s3:us-east-1:123456789012:function:gateway",
            "arn:evil:lambda:us-east-1:123456789012:function:gateway",
            "arn:aws:lambda:us-east-1:12345678901:function:gateway",
            "arn:aws:lambda:us-east-11:123456789012:function:gateway",
            &long,
        ] {
            assert_eq!(FunctionName::parse(text), None, "{text:?}");
        }
    }
}
