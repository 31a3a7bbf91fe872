//! How a rule names members of a JSON body: dotted paths.

use std::fmt;
use std::str::Chars;

/// The most steps a path may have. It bounds how deep rules look, and with that what one rule can cost.
pub const MAX_STEPS: usize = 32;

/// A dotted field path: names, `*` for any member or index, `\.` for a dot in a name (`\\` for a backslash, `\*`
/// for a star).
///
/// Arrays on the way are passed through: the path goes on in each element, however deep arrays nest and also when
/// the whole document is an array. `*` besides stands for the index itself, so `items.*.id` is the `id` of each
/// item and of each object directly inside an item; `items.id` is the former alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldPath(Vec<FieldStep>);

/// One step of a field path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldStep {
    /// This member, compared character by character after the escapes of both sides are undone.
    Name(String),
    /// Any member or index.
    Any,
}

impl FieldPath {
    /// Reads a path. The error is ready to be shown.
    ///
    /// What would silently match nothing is refused, because a rule that hides a field would then hide nothing:
    /// empty names, a star inside a name, an unknown escape.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("the field path is empty: name a member, such as `user.email`".into());
        }
        let mut steps = Vec::new();
        let mut chars = text.chars();
        loop {
            let (step, more) = parse_step(text, &mut chars)?;
            steps.push(step);
            if !more {
                break;
            }
        }
        if steps.len() > MAX_STEPS {
            return Err(format!(
                "`{text}` has {} steps; at most {MAX_STEPS} are followed",
                steps.len()
            ));
        }
        Ok(Self(steps))
    }

    /// Its steps, outermost first; never empty.
    pub fn steps(&self) -> &[FieldStep] {
        &self.0
    }
}

/// Reads one step and whether a dot, and so another step, follows it.
fn parse_step(path: &str, chars: &mut Chars<'_>) -> Result<(FieldStep, bool), String> {
    let mut name = String::new();
    let mut stars = 0_usize;
    let mut more = false;
    while let Some(char) = chars.next() {
        match char {
            '.' => {
                more = true;
                break;
            }
            '*' => stars += 1,
            '\\' => match chars.next() {
                Some(escaped @ ('.' | '*' | '\\')) => name.push(escaped),
                Some(other) => {
                    return Err(format!(
                        "`{path}`: `\\{other}` means nothing; known are `\\.`, `\\*` and `\\\\`"
                    ));
                }
                None => return Err(format!("`{path}` ends in a lone `\\`; write `\\\\` for a backslash")),
            },
            other => name.push(other),
        }
    }
    match (stars, name.is_empty()) {
        (1, true) => Ok((FieldStep::Any, more)),
        (0, false) => Ok((FieldStep::Name(name), more)),
        (0, true) => Err(format!(
            "`{path}` has an empty name; write `\\.` for a dot that belongs to a name"
        )),
        _ => Err(format!(
            "`{path}`: `*` stands for a whole name; write `\\*` for a star in a name"
        )),
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            f.write_str(&step.to_string())?;
        }
        Ok(())
    }
}

impl fmt::Display for FieldStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Name(name) => {
                let name = name.replace('\\', "\\\\").replace('.', "\\.").replace('*', "\\*");
                f.write_str(&name)
            }
        }
    }
}
