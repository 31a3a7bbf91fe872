//! What the user sees: where things listen, one line a request, and what goes wrong.
//!
//! Standard output has what was asked for (addresses, requests), standard error everything else. Both lose their
//! colours where they are no terminal or `NO_COLOR` is set.

use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use serde_json::Value;

use crate::args::LogForm;
use crate::dev::short_line;
use crate::dev::writer::{Stream, Writer};

const WARNING: Style = AnsiColor::Yellow.on_default();
const DIM: Style = Style::new().dimmed();

/// Where lines go. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Console(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// How records stand on standard output; `None`: they do not (`invoke`, whose output is the response).
    records: Option<LogForm>,
    writer: Writer,
}

impl Console {
    /// For `dev`: records on standard output.
    pub(crate) fn records(form: LogForm) -> Self {
        Self::new(Some(form), Writer::start())
    }

    /// For `invoke`: everything on standard error.
    pub(crate) fn aside() -> Self {
        Self::new(None, Writer::start())
    }

    fn new(records: Option<LogForm>, writer: Writer) -> Self {
        Self(Arc::new(Inner { records, writer }))
    }

    /// Returns when everything said so far is written, or cannot be.
    pub(crate) async fn finish(&self) {
        self.0.writer.finish().await;
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
        match self.0.records {
            None => self.err(line),
            Some(LogForm::Json) => self.out(line),
            Some(LogForm::Short) => self.out(&short_line::format(&record)),
            Some(LogForm::Both) => self.out(&format!("{}\n{line}", short_line::format(&record))),
        }
    }

    /// A line of a function's standard error.
    pub(crate) fn function_complaint(&self, environment: usize, line: &str) {
        self.err(&format!("{DIM}[{environment}]{DIM:#} {}", short_line::printable(line)));
    }

    fn out(&self, line: &str) {
        self.0.writer.write(Stream::Out, line.to_owned());
    }

    fn err(&self, line: &str) {
        self.0.writer.write(Stream::Err, line.to_owned());
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

#[cfg(test)]
impl Console {
    /// Keeps what it is told, for a test to look at.
    pub(crate) fn kept() -> Self {
        Self::new(Some(LogForm::Json), Writer::kept())
    }

    /// What was said, without colours.
    pub(crate) fn lines(&self) -> Vec<String> {
        let plain = |line: String| anstream::adapter::strip_str(&line).to_string();
        self.0.writer.lines().into_iter().map(plain).collect()
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
    fn records_stand_where_their_command_wants_them() {
        let record = r#"{"status":200,"method":"GET","path":"/a"}"#;
        let short = "200 GET /a";
        for (records, expected) in [
            (Some(LogForm::Json), record.to_owned()),
            (Some(LogForm::Short), short.to_owned()),
            (Some(LogForm::Both), format!("{short}\n{record}")),
            (None, record.to_owned()),
        ] {
            let console = Console::new(records, Writer::kept());
            console.function_line(1, record);
            assert_eq!(console.lines(), [expected]);
        }
    }
}
