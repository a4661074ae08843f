//! Files with keys and certificates: read at the start, and again when they change.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::watch;

use super::SecurityError;

/// Largest file, in bytes. A bundle of a hundred certificates is a fifth of it.
const FILE_BYTES: u64 = 1 << 20;

/// A file with a key or a certificate cannot be read: check that it exists, who may read it, and its size.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}: {reason}", path.display())]
pub struct FileError {
    path: PathBuf,
    reason: io::Error,
}

type Contents = Vec<Vec<u8>>;

type Parse<T> = Box<dyn Fn(&[Vec<u8>]) -> Result<T, SecurityError> + Send>;

/// What is made of some files, and made anew when their contents change. Contents are compared, not dates, so that no swap of links is missed.
pub(super) struct Followed<T> {
    paths: Vec<PathBuf>,
    parse: Parse<T>,
    /// What was read last, or why not.
    seen: Result<Contents, String>,
    current: watch::Sender<Arc<T>>,
}

impl<T> Followed<T> {
    /// Reads the files, in the order of the paths, and makes of their contents what is in force at first.
    pub(super) fn open(
        paths: Vec<PathBuf>,
        parse: impl Fn(&[Vec<u8>]) -> Result<T, SecurityError> + Send + 'static,
    ) -> Result<(Self, watch::Receiver<Arc<T>>), SecurityError> {
        let contents = read_all(&paths)?;
        let (current, receiver) = watch::channel(Arc::new(parse(&contents)?));
        let followed = Self {
            paths,
            parse: Box::new(parse),
            seen: Ok(contents),
            current,
        };
        Ok((followed, receiver))
    }

    /// Reads the files again. Gives what has come into force, or why what has changed is not; nothing when nothing has changed.
    pub(super) fn poll(&mut self) -> Option<Result<Arc<T>, SecurityError>> {
        let read = read_all(&self.paths);
        let reading = comparable(&read);
        // While the files are being exchanged, half of them may be old: wait until two readings in a row are the same.
        if reading == self.seen || reading != comparable(&read_all(&self.paths)) {
            return None;
        }
        self.seen = reading;
        let made = read
            .map_err(SecurityError::from)
            .and_then(|contents| (self.parse)(&contents));
        Some(made.map(|made| {
            let made = Arc::new(made);
            self.current.send_replace(made.clone());
            made
        }))
    }
}

impl<T> fmt::Debug for Followed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Contents are secret.
        f.debug_struct("Followed")
            .field("paths", &self.paths)
            .finish_non_exhaustive()
    }
}

fn comparable(read: &Result<Contents, FileError>) -> Result<Contents, String> {
    match read {
        Ok(contents) => Ok(contents.clone()),
        Err(error) => Err(error.to_string()),
    }
}

fn read_all(paths: &[PathBuf]) -> Result<Contents, FileError> {
    let read = |path: &PathBuf| {
        read(path).map_err(|reason| FileError {
            path: path.clone(),
            reason,
        })
    };
    paths.iter().map(read).collect()
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut contents = Vec::new();
    File::open(path)?.take(FILE_BYTES + 1).read_to_end(&mut contents)?;
    if contents.len() as u64 > FILE_BYTES {
        return Err(io::Error::other(format!("it has more than {FILE_BYTES} bytes")));
    }
    Ok(contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Contents that begin with 'b' are bad.
    fn followed(path: &Path) -> (Followed<Vec<u8>>, watch::Receiver<Arc<Vec<u8>>>) {
        let bad = FileError {
            path: path.to_owned(),
            reason: io::Error::other("bad"),
        };
        let bad = bad.to_string();
        Followed::open(vec![path.to_owned()], move |contents| {
            if contents[0].starts_with(b"b") {
                return Err(SecurityError::File(FileError {
                    path: PathBuf::new(),
                    reason: io::Error::other(bad.clone()),
                }));
            }
            Ok(contents[0].clone())
        })
        .expect("the file is there")
    }

    /// A ConfigMap or Secret is exchanged by a link to another directory; good contents come into force, bad and missing ones are reported once and change nothing.
    #[test]
    fn a_swapped_directory_is_seen_and_bad_contents_change_nothing() {
        let root = tempfile::tempdir().expect("a place for temporary files");
        let version = |name: &str, contents: &str| {
            std::fs::create_dir(root.path().join(name)).expect("it is ours");
            std::fs::write(root.path().join(name).join("key"), contents).expect("it is ours");
        };
        let point_to = |name: &str| {
            std::os::unix::fs::symlink(name, root.path().join("new")).expect("it is ours");
            std::fs::rename(root.path().join("new"), root.path().join("..data")).expect("it is ours");
        };
        for (name, contents) in [("1", "one"), ("2", "two"), ("3", "bad"), ("4", "four")] {
            version(name, contents);
        }
        point_to("1");
        let (mut followed, current) = followed(&root.path().join("..data/key"));
        assert!(followed.poll().is_none());

        point_to("2");
        assert!(matches!(followed.poll(), Some(Ok(made)) if *made == b"two"));
        assert!(followed.poll().is_none(), "reported once");
        assert_eq!(**current.borrow(), b"two");

        point_to("3");
        assert!(matches!(followed.poll(), Some(Err(_))));
        assert!(followed.poll().is_none(), "reported once");
        point_to("no such directory");
        assert!(matches!(followed.poll(), Some(Err(SecurityError::File(_)))));
        assert!(followed.poll().is_none(), "reported once");
        assert_eq!(**current.borrow(), b"two", "the last good one stays");

        point_to("4");
        assert!(matches!(followed.poll(), Some(Ok(_))));
        assert_eq!(**current.borrow(), b"four");
    }

    #[test]
    fn a_file_that_is_too_large_is_refused() {
        let root = tempfile::tempdir().expect("a place for temporary files");
        let path = root.path().join("key");
        std::fs::write(&path, vec![b'x'; FILE_BYTES as usize + 1]).expect("it is ours");
        let error = read_all(&[path]).expect_err("one byte too many");
        assert!(error.to_string().contains("more than 1048576 bytes"), "{error}");
    }
}
