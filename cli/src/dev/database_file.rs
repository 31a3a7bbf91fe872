//! `--db FILE`: the file that the embedded engine keeps its tables in.
//!
//! The engine makes its own tables in whatever SQLite database it is given, and counts exactly only while it is the
//! only one to do so; so a file is looked at, and locked, before the engine gets it.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::exit::Failure;

/// The option that names a file, for messages.
const OPTION: &str = "--db";
const NO_DATABASE: &str = "is no database; name a file that does not exist yet";

/// An engine on a file, and the file's lock.
pub(crate) struct Opened {
    pub(crate) engine: dynoxide::Database,
    /// Let go of when it is dropped.
    pub(crate) lock: File,
}

/// Opens a file that the engine made before, or one that is still to be made. The file is left as it is otherwise.
pub(crate) fn open(path: &Path) -> Result<Opened, Failure> {
    let wrong = |why: String| Failure::usage(format!("{OPTION} {}: {why}", path.display()));
    let full = full_path(path).map_err(|error| wrong(error.to_string()))?;
    let text = full.to_str().ok_or_else(|| wrong("is no UTF-8 text".to_owned()))?;
    if full.exists() {
        check(&full).map_err(wrong)?;
    }
    let lock = lock(&full).map_err(|error| match error {
        TryLockError::WouldBlock => Failure::unavailable(format!(
            "{OPTION} {}: another local runtime uses this file; stop that one, or name another file",
            path.display()
        )),
        TryLockError::Error(error) => wrong(error.to_string()),
    })?;
    let engine = dynoxide::Database::new(text).map_err(|error| wrong(error.to_string()))?;
    // Normal settings are not the engine's first ones: without this, every count waits for the disk, and a slow one
    // takes longer than a count may. What a power failure takes with it is the last counts, not the file.
    engine
        .disable_bulk_loading()
        .map_err(|error| wrong(error.to_string()))?;
    Ok(Opened { engine, lock })
}

/// One path for all names of a file. Absolute, so that SQLite reads it as a path, whatever it looks like.
fn full_path(path: &Path) -> std::io::Result<PathBuf> {
    if path.exists() {
        return path.canonicalize();
    }
    let absolute = std::path::absolute(path)?;
    match (absolute.parent(), absolute.file_name()) {
        (Some(folder), Some(name)) => Ok(folder.canonicalize()?.join(name)),
        _ => Err(std::io::ErrorKind::IsADirectory.into()),
    }
}

/// Locks a file of its own beside the database: SQLite's locks and ours on one file would meet on some systems. It
/// stays there, because taking it away would let two runtimes lock two files of one name.
fn lock(database: &Path) -> Result<File, TryLockError> {
    let mut path = database.as_os_str().to_owned();
    path.push("-lock");
    let file = OpenOptions::new().create(true).write(true).truncate(false).open(path);
    let file = file.map_err(TryLockError::Error)?;
    file.try_lock()?;
    Ok(file)
}

/// Whether the engine made this file, or nobody wrote it yet. The error is ready to be shown.
fn check(path: &Path) -> Result<(), String> {
    let tables = || -> rusqlite::Result<(u32, u32)> {
        let file = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let (all, own) = ("count(*)", "count(iif(name IN ('_config', '_tables'), 1, NULL))");
        file.query_row(&format!("SELECT {all}, {own} FROM sqlite_schema"), [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
    };
    match tables() {
        // SQLite takes a file of one byte for an empty one.
        Ok((0, _)) if path.metadata().is_ok_and(|metadata| metadata.len() == 1) => Err(NO_DATABASE.to_owned()),
        Ok((0, _) | (_, 2)) => Ok(()),
        Ok(_) => Err("is another program's database; name a file that does not exist yet".to_owned()),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => Err(NO_DATABASE.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(path: &Path) -> String {
        match open(path) {
            Ok(_) => panic!("{} was opened", path.display()),
            Err(failure) => failure.to_string(),
        }
    }

    #[test]
    fn a_new_file_is_made_and_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("counters.db");
        drop(open(&path).unwrap());
        drop(open(&path).unwrap());
        assert!(std::fs::read(&path).unwrap().starts_with(b"SQLite format 3\0"));
    }

    #[test]
    fn an_empty_file_is_as_good_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("counters.db");
        std::fs::write(&path, "").unwrap();
        open(&path).unwrap();
    }

    #[test]
    fn names_are_never_read_as_anything_but_paths() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["file:counters.db?mode=memory", ":memory:", "a%20b"] {
            let path = folder.path().join(name);
            drop(open(&path).unwrap());
            assert!(path.is_file(), "{name}");
        }
    }

    #[test]
    fn what_is_no_database_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        for content in [
            &b"x"[..],
            b"notes\n".repeat(1000).as_slice(),
            b"SQLite format 3\0 almost",
        ] {
            std::fs::write(&path, content).unwrap();
            let why = refused(&path);
            assert_eq!(
                why,
                format!(
                    "--db {}: is no database; name a file that does not exist yet",
                    path.display()
                )
            );
            assert_eq!(std::fs::read(&path).unwrap(), content);
        }
        let files = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(files, 1, "nothing is left beside it");
        assert!(refused(folder.path()).starts_with(&format!("--db {}: ", folder.path().display())));
        let nowhere = folder.path().join("no/such/folder.db");
        assert!(refused(&nowhere).contains("No such file or directory"));
    }

    #[test]
    fn another_programs_database_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bookmarks.db");
        let other = Connection::open(&path).unwrap();
        other
            .execute_batch("CREATE TABLE _tables (a); INSERT INTO _tables VALUES (1);")
            .unwrap();
        drop(other);
        let before = std::fs::read(&path).unwrap();
        assert!(refused(&path).contains("is another program's database"));
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[test]
    fn a_file_has_one_owner_by_whatever_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("counters.db");
        let owner = open(&path).unwrap();
        let other_name = folder.path().join(".").join("counters.db");
        for name in [&path, &other_name] {
            match open(name) {
                Err(Failure::Unavailable(why)) => assert!(why.contains("another local runtime"), "{why}"),
                _ => panic!("{} has two owners", name.display()),
            }
        }
        drop(owner);
        open(&path).unwrap();
    }
}
