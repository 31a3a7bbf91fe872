//! Takes a changed config into service while requests are served, or keeps the old one.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::dev::console::Console;
use crate::dev::functions::Functions;

/// How often the file is looked at.
const INTERVAL: Duration = Duration::from_millis(300);

/// A file's text, or why it has none.
type Content = Result<String, String>;

/// What a look sees. `None` for a file that is gone for a moment, and for what is no file, such as a pipe: it gives
/// its text once, and reading it again might wait for ever.
async fn content(path: &Path) -> Option<Content> {
    if !tokio::fs::metadata(path).await.ok()?.is_file() {
        return None;
    }
    match tokio::fs::read_to_string(path).await {
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        read => Some(read.map_err(|error| error.to_string())),
    }
}

/// Decides when a file's content is worth a try.
#[derive(Debug)]
struct Watched {
    /// What was tried last.
    tried: Content,
    /// What the last look saw, when that was something new.
    seen: Option<Content>,
}

impl Watched {
    /// The content to try now. Only what two looks in a row agree on, because an editor may be in the middle of
    /// writing.
    fn look(&mut self, content: Option<Content>) -> Option<Content> {
        let content = content.filter(|content| *content != self.tried);
        let settled = content.is_some() && content == self.seen;
        self.seen = content;
        if !settled {
            return None;
        }
        let content = self.seen.take()?;
        self.tried.clone_from(&content);
        Some(content)
    }
}

/// What became of a changed config.
#[derive(Debug)]
pub(crate) enum Reload {
    /// Functions that serve it are ready.
    Serves(Functions),
    /// It cannot be served; the lines say why.
    Refused(String),
}

/// Watches a file for ever. `load` turns its text into functions; the ones before finish their requests and go.
pub(crate) async fn watch<F>(
    path: &Path,
    tried: String,
    serving: watch::Sender<Functions>,
    console: Console,
    load: F,
) -> !
where
    F: AsyncFn(String) -> Reload,
{
    let mut watched = Watched {
        tried: Ok(tried),
        seen: None,
    };
    let mut looks = interval(INTERVAL);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let Some(content) = watched.look(content(path).await) else {
            continue;
        };
        let outcome = match content {
            Ok(text) => load(text).await,
            Err(why) => Reload::Refused(format!("{}: {why}", path.display())),
        };
        match outcome {
            Reload::Serves(functions) => {
                serving.send_replace(functions).retire();
                console.note(&format!("{} changed and is served now", path.display()));
            }
            Reload::Refused(why) => {
                console.warn(&format!(
                    "{} changed, but the one before is still served:\n{why}",
                    path.display()
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dev::environments::Setting;
    use crate::dev::fake_function;
    use crate::dev::functions::Settings;
    use crate::dev::shutdown::Shutdown;
    use std::sync::Arc;

    fn tries(looks: &[Option<&str>]) -> Vec<String> {
        let mut watched = Watched {
            tried: Ok("a".to_owned()),
            seen: None,
        };
        looks
            .iter()
            .filter_map(|look| watched.look(look.map(|text| Ok(text.to_owned()))))
            .map(Result::unwrap)
            .collect()
    }

    #[test]
    fn a_change_is_tried_once_two_looks_agree() {
        assert_eq!(tries(&[Some("a"), Some("b")]), Vec::<String>::new());
        assert_eq!(tries(&[Some("a"), Some("b"), Some("b"), Some("b"), Some("b")]), ["b"]);
    }

    #[test]
    fn half_written_files_are_not_tried() {
        assert_eq!(tries(&[Some(""), Some("b"), Some("bc"), Some("bc")]), ["bc"]);
        assert_eq!(tries(&[None, Some("b"), None, Some("b"), Some("b")]), ["b"]);
        assert_eq!(tries(&[None, None, Some("a"), Some("a")]), Vec::<String>::new());
    }

    #[test]
    fn going_back_is_a_change_too() {
        assert_eq!(tries(&[Some("b"), Some("b"), Some("a"), Some("a")]), ["b", "a"]);
        assert_eq!(
            tries(&[Some("b"), Some("a"), Some("b"), Some("a")]),
            Vec::<String>::new()
        );
    }

    #[tokio::test]
    async fn only_files_have_a_content() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("gateway.yaml");
        assert_eq!(content(&path).await, None, "gone");
        assert_eq!(content(directory.path()).await, None, "a directory");
        std::fs::write(&path, "a").unwrap();
        assert_eq!(content(&path).await, Some(Ok("a".to_owned())));
        std::fs::write(&path, [0xff]).unwrap();
        let why = content(&path).await.unwrap().unwrap_err();
        assert!(why.contains("UTF-8"), "{why}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_file_is_watched_and_a_wrong_text_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("gateway.yaml");
        std::fs::write(&path, "first").unwrap();
        let (texts, mut tried) = tokio::sync::mpsc::unbounded_channel();
        let console = Console::kept();
        let load = async |text| {
            texts.send(text).unwrap();
            Reload::Refused("gateway.yaml:1: all wrong".to_owned())
        };
        let shutdown = Shutdown::new();
        let setting = || Setting {
            command: fake_function::command("exit"),
            most: 1,
            timeout: Duration::ZERO,
            freeze: false,
            console: console.clone(),
            numbers: Arc::default(),
            part: shutdown.part(),
        };
        let (serving, _served) = watch::channel(Functions::none_yet(Settings::all(setting)));
        let watched = super::watch(&path, "first".to_owned(), serving, console.clone(), load);
        let change = async {
            std::fs::write(&path, "second").unwrap();
            tried.recv().await.unwrap()
        };
        tokio::select! {
            never = watched => never,
            text = change => assert_eq!(text, "second"),
        }
        let said = console.lines();
        assert_eq!(said.len(), 1);
        assert!(
            said[0].ends_with("the one before is still served:\ngateway.yaml:1: all wrong"),
            "{said:?}"
        );
    }
}
