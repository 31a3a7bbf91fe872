//! What the user sees: where things listen, one line a request, and what goes wrong.
//!
//! Standard output has what was asked for (addresses, requests), standard error everything else. Both lose their
//! colours where they are no terminal or `NO_COLOR` is set.

use std::io::Write;
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use serde_json::Value;

use crate::args::LogForm;
use crate::dev::short_line;

const WARNING: Style = AnsiColor::Yellow.on_default();
const DIM: Style = Style::new().dimmed();

/// Where lines go. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Console(Arc<Target>);

#[derive(Debug)]
enum Target {
    /// `dev`: records on standard output.
    Records(LogForm),
    /// `invoke`: its standard output is the response, so records go beside it.
    Aside,
    /// Kept for a test to look at.
    #[cfg(test)]
    Kept(std::sync::Mutex<Vec<String>>),
}

impl Console {
    pub(crate) fn records(form: LogForm) -> Self {
        Self(Arc::new(Target::Records(form)))
    }

    pub(crate) fn aside() -> Self {
        Self(Arc::new(Target::Aside))
    }

    /// A line that the user waits for.
    pub(crate) fn say(&self, line: &str) {
        self.out(line);
    }

    /// Something to know, in the course of things.
    pub(crate) fn note(&self, line: &str) {
        self.err(&format!("{DIM}{line}{DIM:#}"));
    }

    /// Something is wrong.
    pub(crate) fn warn(&self, line: &str) {
        self.err(&format!("{WARNING}{line}{WARNING:#}"));
    }

    /// A line of a function's standard output: its record of a request, or something else.
    pub(crate) fn function_line(&self, environment: usize, line: &str) {
        let Some(record) = record(line) else {
            return self.function_complaint(environment, line);
        };
        match &*self.0 {
            Target::Aside => self.err(line),
            Target::Records(LogForm::Json) => self.out(line),
            Target::Records(LogForm::Short) => self.out(&short_line::format(&record)),
            Target::Records(LogForm::Both) => self.out(&format!("{}\n{line}", short_line::format(&record))),
            #[cfg(test)]
            Target::Kept(_) => self.out(line),
        }
    }

    /// A line of a function's standard error.
    pub(crate) fn function_complaint(&self, environment: usize, line: &str) {
        self.err(&format!("{DIM}[{environment}]{DIM:#} {}", printable(line)));
    }

    fn out(&self, line: &str) {
        #[cfg(test)]
        if let Target::Kept(lines) = &*self.0 {
            return lines.lock().unwrap().push(line.to_owned());
        }
        // Nobody reads any more: the requests are served all the same.
        let _ = writeln!(anstream::stdout(), "{line}");
    }

    fn err(&self, line: &str) {
        #[cfg(test)]
        if let Target::Kept(lines) = &*self.0 {
            return lines
                .lock()
                .unwrap()
                .push(anstream::adapter::strip_str(line).to_string());
        }
        let _ = writeln!(anstream::stderr(), "{line}");
    }
}

/// A function's record of a request: one JSON object with a status.
fn record(line: &str) -> Option<Value> {
    let value: Value = line
        .starts_with('{')
        .then(|| serde_json::from_str(line).ok())
        .flatten()?;
    value.get("status").is_some_and(Value::is_number).then_some(value)
}

/// Text from elsewhere, such as a request's path, without the control characters that steer terminals.
pub(crate) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() && character != '\t' {
            printable.extend(character.escape_debug());
        } else {
            printable.push(character);
        }
    }
    printable
}

#[cfg(test)]
impl Console {
    pub(crate) fn kept() -> Self {
        Self(Arc::new(Target::Kept(std::sync::Mutex::default())))
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        match &*self.0 {
            Target::Kept(lines) => lines.lock().unwrap().clone(),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_objects_with_a_status_are_records() {
        assert!(record(r#"{"status":200}"#).is_some());
        for line in [
            "",
            "status: 200",
            r#"{"level":"INFO"}"#,
            r#"{"status":"ok"}"#,
            r#"{"status":200"#,
            "[200]",
        ] {
            assert!(record(line).is_none(), "{line}");
        }
    }

    #[test]
    fn other_output_names_its_environment() {
        let console = Console::kept();
        console.function_line(3, "hello");
        console.function_complaint(4, "oh \x1b[2J no");
        assert_eq!(console.lines(), ["[3] hello", "[4] oh \\u{1b}[2J no"]);
    }

    #[test]
    fn control_characters_are_shown_not_obeyed() {
        assert_eq!(printable("a\tb\r\u{9b}2Jé"), "a\tb\\r\\u{9b}2Jé");
    }
}
