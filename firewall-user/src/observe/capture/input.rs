//! The bytes of a capture, counted, so that every error can say where it is.

use std::io::{self, BufRead, Cursor, Read};

use super::{CaptureError, FileFault, Part, TextFault};

/// A reader that knows its name, how far it has been read and how many packets came of it.
pub(super) struct Input {
    name: String,
    reader: Box<dyn BufRead>,
    offset: u64,
    packets: u64,
}

impl Input {
    /// Takes a reader and looks at its first four bytes (fewer if it has no more) without consuming them.
    pub(super) fn new(name: String, reader: impl BufRead + 'static) -> Result<(Self, Vec<u8>), CaptureError> {
        let mut input = Self { name, reader: Box::new(reader), offset: 0, packets: 0 };
        let mut magic = vec![0; 4];
        let found = input.fill(&mut magic)?;
        magic.truncate(found);
        if magic.is_empty() {
            return Err(CaptureError::Empty { input: input.name });
        }
        input.reader = Box::new(Cursor::new(magic.clone()).chain(input.reader));
        input.offset = 0;
        Ok((input, magic))
    }

    /// How many bytes have been read.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The number of the packet that is being read, from 1.
    pub(super) fn packet(&self) -> u64 {
        self.packets + 1
    }

    /// Notes that a packet has been read whole.
    pub(super) fn count_packet(&mut self) {
        self.packets += 1;
    }

    /// Reads into `buf` until it is full or the input ends, and says how many bytes came.
    pub(super) fn fill(&mut self, buf: &mut [u8]) -> Result<usize, CaptureError> {
        let mut filled = 0;
        while filled < buf.len() {
            match self.reader.read(&mut buf[filled..]) {
                Ok(0) => break,
                Ok(read) => {
                    filled += read;
                    self.offset += read as u64;
                }
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(self.unreadable(source)),
            }
        }
        Ok(filled)
    }

    /// Fills `buf`, which belongs to the `part` that begins at `start`, or says how much of it is missing.
    pub(super) fn fill_all(&mut self, buf: &mut [u8], start: u64, part: Part) -> Result<(), CaptureError> {
        let found = self.fill(buf)?;
        if found < buf.len() {
            return Err(self.cut_short(start, part, found as u64, buf.len() as u64));
        }
        Ok(())
    }

    /// Steps over `count` bytes, or as many as there are, and says how many.
    pub(super) fn skip(&mut self, count: u64) -> Result<u64, CaptureError> {
        let skipped = io::copy(&mut self.reader.by_ref().take(count), &mut io::sink());
        let skipped = skipped.map_err(|source| self.unreadable(source))?;
        self.offset += skipped;
        Ok(skipped)
    }

    /// Reads the next line into `line`, its line end included, but no more than `most` bytes of it. False at the end.
    pub(super) fn line(&mut self, line: &mut Vec<u8>, most: usize) -> Result<bool, CaptureError> {
        line.clear();
        let read = self.reader.by_ref().take(most as u64).read_until(b'\n', line);
        let read = read.map_err(|source| self.unreadable(source))?;
        self.offset += read as u64;
        Ok(read > 0)
    }

    /// The error that the input ended after `found` of `needed` bytes of the `part` that begins at `start`.
    pub(super) fn cut_short(&self, start: u64, part: Part, found: u64, needed: u64) -> CaptureError {
        self.fault(start, FileFault::CutShort { part, missing: needed - found, end: self.offset.max(found) })
    }

    /// The error that the file is at fault in what begins at `offset`.
    pub(super) fn fault(&self, offset: u64, fault: FileFault) -> CaptureError {
        CaptureError::File { input: self.name.clone(), offset, packets: self.packets, fault }
    }

    /// The error that the text is at fault at this line and column.
    pub(super) fn text_fault(&self, line: u64, column: usize, fault: TextFault) -> CaptureError {
        CaptureError::Text { input: self.name.clone(), line, column, packets: self.packets, fault }
    }

    fn unreadable(&self, source: io::Error) -> CaptureError {
        CaptureError::Read { input: self.name.clone(), offset: self.offset, source }
    }
}
