//! Media types of the config: `application/json`, `text/*`, `+json`.

/// A list of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MediaTypes(Vec<Pattern>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    /// `application/json`.
    Exact(Box<[u8]>),
    /// `text/`, of `text/*`.
    Family(Box<[u8]>),
    /// `+json` (RFC 6838 section 4.2.8).
    Suffix(Box<[u8]>),
}

impl MediaTypes {
    /// Reads one more, as it is written in the config; case makes no difference. The error is the end of a sentence that
    /// begins with the text.
    pub fn add(&mut self, text: &str) -> Result<(), &'static str> {
        let lower = text.to_ascii_lowercase();
        let pattern = if let Some(family) = lower.strip_suffix("/*").filter(|family| is_token(family)) {
            Pattern::Family(format!("{family}/").into_bytes().into())
        } else if lower.strip_prefix('+').is_some_and(is_token) {
            Pattern::Suffix(lower.into_bytes().into())
        } else if lower
            .split_once('/')
            .is_some_and(|(family, rest)| is_token(family) && is_token(rest))
        {
            Pattern::Exact(lower.into_bytes().into())
        } else {
            return Err("is not a media type such as application/json, text/* or +json, without parameters");
        };
        self.0.push(pattern);
        Ok(())
    }

    /// Whether the value of a `Content-Type` is one of them. Its parameters do not matter.
    pub fn contain(&self, content_type: &[u8]) -> bool {
        let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
        let essence = essence.trim_ascii().to_ascii_lowercase();
        self.0.iter().any(|pattern| match pattern {
            Pattern::Exact(whole) => **whole == *essence,
            Pattern::Family(family) => essence.starts_with(family),
            Pattern::Suffix(suffix) => essence.ends_with(suffix),
        })
    }
}

/// RFC 9110 section 5.6.2, without the `*` that nobody has in a media type but by mistake.
fn is_token(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contain(list: &[&str], content_type: &[u8]) -> bool {
        let mut types = MediaTypes::default();
        for text in list {
            types.add(text).expect("a media type");
        }
        types.contain(content_type)
    }

    #[test]
    fn types_families_and_suffixes() {
        let list = ["Application/JSON", "text/*", "+xml"];
        for yes in [
            "application/json",
            "APPLICATION/JSON; charset=utf-8",
            " application/json ;x",
            "text/html",
            "image/svg+xml",
        ] {
            assert!(contain(&list, yes.as_bytes()), "{yes}");
        }
        for no in [
            "",
            "application/jsonx",
            "application/problem+json",
            "texts/html",
            "image/png",
            "xml",
            "application/xml",
            "a; text/html",
        ] {
            assert!(!contain(&list, no.as_bytes()), "{no}");
        }
        assert!(!contain(&list, b"\xff/\xff") && contain(&list, b"text/\xff"));
    }

    #[test]
    fn what_is_no_type_is_refused() {
        for text in [
            "",
            "*",
            "*/*",
            "json",
            "text/",
            "/html",
            "text/html; charset=utf-8",
            "text/h*",
            "+",
            "+*",
            "a/b/c",
            "text /html",
            "täxt/html",
        ] {
            assert!(MediaTypes::default().add(text).is_err(), "{text}");
        }
    }
}
