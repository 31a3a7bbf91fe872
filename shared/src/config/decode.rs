//! Tree to sections: reads what is there, reports what does not fit, and goes on. One pass finds every wrong
//! type, unknown key and missing key, because a field that does not fit only spoils itself.

mod body;
mod percent;
mod size;
mod values;

use super::report::Report;
use super::tree::{Node, Place, Value, quote};

pub(super) use self::body::{AnyJson, Body, Json};
pub(super) use self::percent::Percent;
pub(super) use self::size::ByteSize;
pub(super) use self::values::{At, Choice, List, Map, Named, OneOf, OneOrList, OneOrMore, Scalar, Text};

/// What a node can be read as. `None`: it does not fit, and the report says why.
pub(super) trait Decode: Sized {
    fn decode(node: Node, report: &mut Report) -> Option<Self>;
}

/// For large sections that few have: the many that have none stay small.
impl<T: Decode> Decode for Box<T> {
    fn decode(node: Node, report: &mut Report) -> Option<Self> {
        T::decode(node, report).map(Box::new)
    }
}

/// The value of a key.
#[derive(Debug, Default)]
pub(super) enum Field<T> {
    #[default]
    Absent,
    /// Given, or surely meant, but wrong: reported already, so nothing more is said about it.
    Bad,
    Given(T),
}

impl<T> Field<T> {
    pub(super) fn given(&self) -> Option<&T> {
        match self {
            Self::Given(value) => Some(value),
            Self::Absent | Self::Bad => None,
        }
    }
}

impl<T: Placed> Field<T> {
    /// Whether all that was given here is known: nothing in it was wrong.
    pub(super) fn is_sound(&self, report: &Report) -> bool {
        match self {
            Self::Absent => true,
            Self::Bad => false,
            Self::Given(value) => !report.is_spoiled(value.place()),
        }
    }
}

/// What leaves out parts that were wrong, and so has to be asked whether it is whole.
pub(super) trait Placed {
    fn place(&self) -> Place;
}

/// A field whose type does not matter for filling it.
pub(super) trait Slot {
    fn fill(&mut self, node: Node, report: &mut Report);
    fn spoil(&mut self);
    fn is_absent(&self) -> bool;
}

impl<T: Decode> Slot for Field<T> {
    fn fill(&mut self, node: Node, report: &mut Report) {
        *self = T::decode(node, report).map_or(Self::Bad, Self::Given);
    }

    fn spoil(&mut self) {
        *self = Self::Bad;
    }

    fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

/// An object with a fixed set of keys.
pub(super) trait Section {
    /// Every key, in the order of the documentation.
    fn keys(&self) -> Vec<&'static str>;
    /// The keys without which the section means nothing.
    fn required(&self) -> Vec<&'static str>;
    fn slot(&mut self, key: &str) -> Option<&mut dyn Slot>;
}

/// Fills a section from an object; reports keys that it does not have and keys that it needs.
pub(super) fn fill_section(section: &mut dyn Section, node: Node, report: &mut Report) -> Option<()> {
    let place = node.place;
    let Value::Map(members) = node.value else {
        return refuse(&node, "an object", report);
    };
    for member in members {
        match section.slot(report.key(member.place)) {
            Some(slot) => slot.fill(member, report),
            None => unknown_key(section, member.place, report),
        }
    }
    for key in section.required() {
        if section.slot(key).is_some_and(|slot| slot.is_absent()) {
            report.mistake(place, format!("{key} is missing"));
        }
    }
    Some(())
}

/// A misspelt key stands for the one it is nearest to: that one is not missed as well.
fn unknown_key(section: &mut dyn Section, place: Place, report: &mut Report) {
    let key = &*report.key(place).to_owned();
    let keys = section.keys();
    match report.nearest(key, keys.iter().copied()) {
        Some(near) => {
            report.mistake(
                place,
                format!("{} is not a key here (did you mean {near:?}?)", quote(key)),
            );
            if let Some(slot) = section.slot(near).filter(|slot| slot.is_absent()) {
                slot.spoil();
            }
        }
        None => report.mistake(
            place,
            format!("{} is not a key here (there are: {})", quote(key), keys.join(", ")),
        ),
    }
}

/// Declares sections: structs of optional fields whose names are the document's keys. `(required)` marks keys
/// that must be there; `..name: Section` at the end takes over the keys of another section, and its needs.
macro_rules! sections {
    ($(
        $(#[$about:meta])*
        $name:ident {
            $( $(#[$meaning:meta])* $(($need:ident))? $field:ident: $type:ty, )*
            $( ..$rest:ident: $rest_type:ty, )*
        }
    )*) => { $(
        #[derive(Debug)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
        $(#[$about])*
        pub(in crate::config) struct $name {
            #[cfg_attr(feature = "schema", schemars(skip))]
            #[allow(dead_code, reason = "not every section is pointed at as a whole")]
            pub(in crate::config) place: Place,
            $(
                $(#[$meaning])*
                $( #[cfg_attr(feature = "schema", schemars($need))] )?
                pub(in crate::config) $field: Field<$type>,
            )*
            $(
                #[cfg_attr(feature = "schema", schemars(flatten))]
                pub(in crate::config) $rest: $rest_type,
            )*
        }

        impl $name {
            pub(in crate::config) fn empty(place: Place) -> Self {
                Self { place, $( $field: Field::Absent, )* $( $rest: <$rest_type>::empty(place), )* }
            }
        }

        impl Section for $name {
            fn keys(&self) -> Vec<&'static str> {
                #[allow(unused_mut, reason = "only sections that take over another's keys add to it")]
                let mut keys = vec![$( plain(stringify!($field)), )*];
                $( keys.extend(self.$rest.keys()); )*
                keys
            }

            fn required(&self) -> Vec<&'static str> {
                #[allow(unused_mut, reason = "only sections that take over another's keys add to it")]
                let mut required = vec![$( $( { _ = stringify!($need); plain(stringify!($field)) }, )? )*];
                $( required.extend(self.$rest.required()); )*
                required
            }

            fn slot(&mut self, key: &str) -> Option<&mut dyn Slot> {
                $( if key == const { plain(stringify!($field)) } { return Some(&mut self.$field); } )*
                $( if let Some(slot) = self.$rest.slot(key) { return Some(slot); } )*
                None
            }
        }

        impl Decode for $name {
            fn decode(node: Node, report: &mut Report) -> Option<Self> {
                let mut section = Self::empty(node.place);
                fill_section(&mut section, node, report)?;
                Some(section)
            }
        }
    )* };
}
pub(super) use sections;

/// The name of a field as the document writes it: `r#type` is `type`.
pub(super) const fn plain(field: &'static str) -> &'static str {
    match field.as_bytes() {
        [b'r', b'#', ..] => field.split_at(2).1,
        _ => field,
    }
}

/// Reports that a node is not what stands here, unless it was reported already.
pub(super) fn refuse<T>(node: &Node, noun: &str, report: &mut Report) -> Option<T> {
    let found = match (&node.value, &node.written) {
        (Value::Broken, _) => return None,
        (_, Some(written)) => format!("what {} is filled with", quote(written)),
        (Value::Null, _) => "null".to_owned(),
        (Value::Bool(value), _) => value.to_string(),
        (Value::Number(number), _) => cut(number),
        (Value::Text(text), _) => quote(text),
        (Value::List(_), _) => "a list".to_owned(),
        (Value::Map(_), _) => "an object".to_owned(),
    };
    let quotes =
        matches!(node.value, Value::Bool(_) | Value::Number(_)) && node.written.is_none() && noun == "a string";
    let advice = if quotes { " (put it in quotes)" } else { "" };
    report.mistake(node.place, format!("must be {noun}, not {found}{advice}"));
    None
}

/// A number for a message; one that is absurdly long is cut.
fn cut(number: &str) -> String {
    if number.len() > 40 {
        format!("{}...", &number[..40])
    } else {
        number.to_owned()
    }
}
