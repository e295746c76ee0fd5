//! The file that a backup is written to. It has its name only once it is whole, and only its owner may read it.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::failure::Failure;

/// Bytes that are gathered before they are written.
const BUFFER: usize = 256 << 10;

/// See the module.
pub(super) struct Output {
    to: To,
    /// The name for the time being, and the one at the end.
    names: Option<(PathBuf, PathBuf)>,
}

enum To {
    Plain(BufWriter<Box<dyn Finish>>),
    Gzip(Box<GzEncoder<BufWriter<Box<dyn Finish>>>>),
    Done,
}

/// Something to write into that can be made durable.
trait Finish: Write + Send {
    fn make_durable(&mut self) -> io::Result<()>;
}

impl Finish for File {
    fn make_durable(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

impl Finish for io::Stdout {
    fn make_durable(&mut self) -> io::Result<()> {
        self.flush()
    }
}

impl Output {
    /// A new file, or standard output.
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        if path == Path::new("-") {
            if io::stdout().is_terminal() {
                return Err(Failure::usage(
                    "A backup is not for a terminal; name a file, or send it on: cadastre backup - | …",
                ));
            }
            return Ok(Self {
                to: To::Plain(BufWriter::with_capacity(BUFFER, Box::new(io::stdout()))),
                names: None,
            });
        }
        if path.exists() {
            return Err(Failure::usage(format!(
                "{} exists already; name another file.",
                path.display()
            )));
        }
        if path.extension().is_some_and(|extension| extension == "zst") {
            return Err(Failure::usage(format!(
                "{}: write to standard output and compress it there: cadastre backup - | zstd > {}; or name it .gz.",
                path.display(),
                path.display()
            )));
        }
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        // What an earlier run has left is not whole, and nobody reads it.
        match std::fs::remove_file(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unmade(&part, &error)),
            Ok(()) | Err(_) => {}
        }
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&part)
            .map_err(|error| unmade(&part, &error))?;
        let file: BufWriter<Box<dyn Finish>> = BufWriter::with_capacity(BUFFER, Box::new(file));
        let to = if path.extension().is_some_and(|extension| extension == "gz") {
            To::Gzip(Box::new(GzEncoder::new(file, Compression::new(4))))
        } else {
            To::Plain(file)
        };
        Ok(Self {
            to,
            names: Some((part, path.to_owned())),
        })
    }

    /// It is whole: makes it durable and gives it its name.
    pub(super) fn keep(mut self) -> Result<(), Failure> {
        self.make_durable().map_err(|error| unwritten(&error))?;
        if let Some((part, path)) = self.names.take() {
            let renamed = std::fs::rename(&part, &path).and_then(|()| {
                let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
                File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
            });
            renamed.map_err(|error| unmade(&path, &error))?;
        }
        Ok(())
    }

    fn make_durable(&mut self) -> io::Result<()> {
        let mut out = match std::mem::replace(&mut self.to, To::Done) {
            To::Plain(out) => out,
            To::Gzip(gzip) => gzip.finish()?,
            To::Done => return Ok(()),
        };
        out.flush()?;
        out.get_mut().make_durable()
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.to {
            To::Plain(out) => out.write(bytes),
            To::Gzip(out) => out.write(bytes),
            To::Done => Err(io::Error::other("the file is finished")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.to {
            To::Plain(out) => out.flush(),
            // A flush in the middle would cost compression.
            To::Gzip(_) | To::Done => Ok(()),
        }
    }
}

impl Drop for Output {
    /// Half a backup is none.
    fn drop(&mut self) {
        if let Some((part, _)) = &self.names {
            let _ = std::fs::remove_file(part);
        }
    }
}

fn unmade(path: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("{} cannot be made: {error}.", path.display()))
}

/// The backup cannot be written on.
pub(super) fn unwritten(error: &io::Error) -> Failure {
    Failure::new(format!("The backup cannot be written: {error}."))
}
