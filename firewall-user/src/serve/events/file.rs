//! Events in a file, an object in each line.

use std::{
    fs, io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use crate::{json, observe::event::Told};

/// A file that is appended to.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    file: fs::File,
    /// Whether what was written last is the beginning of a line, whose rest found no room.
    is_torn: bool,
}

impl File {
    /// Opens it; one that is made anew may be read by its group.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        Ok(Self { file: open(&path)?, path, is_torn: false })
    }

    /// Goes on with the file that has its name now.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        self.file = open(&self.path)?;
        self.is_torn = false;
        Ok(())
    }

    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// Writes events; how many were written wholly, and why no more were.
    pub(super) fn write(&mut self, events: &[Told]) -> (u64, io::Result<()>) {
        let lines = events.iter().map(|told| json::document(told).map(|line| line + "\n"));
        let lines: Vec<String> = match lines.collect() {
            Ok(lines) => lines,
            Err(error) => return (0, Err(error.into())),
        };
        let (whole, torn, result) = append(&mut self.file, &lines, self.is_torn);
        self.is_torn = torn;
        (whole, result)
    }
}

fn open(path: &Path) -> io::Result<fs::File> {
    fs::File::options().append(true).create(true).mode(0o640).open(path)
}

/// Appends lines, each from the beginning of a line; how many of them are there wholly, whether another is in part, and why.
fn append(mut file: impl io::Write, lines: &[String], is_torn: bool) -> (u64, bool, io::Result<()>) {
    let text = [if is_torn { "\n" } else { "" }, &lines.concat()].concat();
    let mut written = 0;
    let result = loop {
        match text.as_bytes().get(written..).map(|rest| file.write(rest)) {
            Some(_) if written == text.len() => break Ok(()),
            Some(Ok(0)) => break Err(io::ErrorKind::WriteZero.into()),
            Some(Ok(more)) => written += more,
            Some(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Some(Err(error)) => break Err(error),
            None => break Ok(()),
        }
    };
    let done = &text.as_bytes()[..written];
    let ends = done.iter().filter(|byte| **byte == b'\n').count() as u64;
    let of_before = u64::from(is_torn && written > 0);
    let torn = done.last().map_or(is_torn, |last| *last != b'\n');
    (ends - of_before, torn, result)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk with room for so many bytes, that takes three at once.
    struct Disk(Vec<u8>, usize);

    impl io::Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let room = bytes.len().min(3).min(self.1 - self.0.len());
            self.0.extend(&bytes[..room]);
            if room == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(room) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_that_finds_no_room_spoils_no_other() {
        let lines = ["one\n", "two\n", "three\n"].map(str::to_owned);
        for (room, expected) in [
            (0, (0, false)),
            (2, (0, true)),
            (4, (1, false)),
            (10, (2, true)),
            (13, (2, true)),
            (14, (3, false)),
        ] {
            let mut disk = Disk(Vec::new(), room);
            let (whole, torn, result) = append(&mut disk, &lines, false);
            assert_eq!((whole, torn), expected, "{room}");
            assert_eq!(result.is_ok(), room == 14, "{room}");
            // Once there's room again.
            disk.1 = 100;
            let (whole, torn, result) = append(&mut disk, &lines[..1], torn);
            assert!(result.is_ok() && (whole, torn) == (1, false), "{room}");
            let text = String::from_utf8(disk.0).unwrap();
            assert!(text.lines().last() == Some("one"), "{text:?}");
        }
    }
}
