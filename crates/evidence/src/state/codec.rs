//! Numbers and texts to bytes and back: what a state file is made of. Little-endian, no padding, no types: whoever reads
//! asks for what was written.

use std::io::{self, Read, Write};

use crate::id::EventId;
use crate::time::Time;

/// Writes.
pub(crate) struct Out<'a>(pub(crate) &'a mut dyn Write);

impl Out<'_> {
    pub(crate) fn byte(&mut self, value: u8) -> io::Result<()> {
        self.0.write_all(&[value])
    }

    pub(crate) fn number(&mut self, value: u32) -> io::Result<()> {
        self.0.write_all(&value.to_le_bytes())
    }

    pub(crate) fn long(&mut self, value: u64) -> io::Result<()> {
        self.0.write_all(&value.to_le_bytes())
    }

    pub(crate) fn text(&mut self, text: &str) -> io::Result<()> {
        self.long(text.len() as u64)?;
        self.0.write_all(text.as_bytes())
    }

    pub(crate) fn time(&mut self, time: Time) -> io::Result<()> {
        self.number(time.0)
    }

    pub(crate) fn id(&mut self, id: EventId) -> io::Result<()> {
        id.words().into_iter().try_for_each(|word| self.number(word))
    }
}

/// Reads.
pub(crate) struct In<'a>(pub(crate) &'a mut dyn Read);

/// What was written is not what is read.
pub(crate) fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

impl In<'_> {
    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    pub(crate) fn byte(&mut self) -> io::Result<u8> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    pub(crate) fn flag(&mut self) -> io::Result<bool> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(damaged("a yes or no is neither")),
        }
    }

    pub(crate) fn number(&mut self) -> io::Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn long(&mut self) -> io::Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A text. A length that is a lie ends at the end of the file, not at the end of the memory.
    pub(crate) fn text(&mut self) -> io::Result<String> {
        let length = self.long()?;
        let mut bytes = Vec::new();
        (&mut *self.0).take(length).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        String::from_utf8(bytes).map_err(|_| damaged("a text is none"))
    }

    pub(crate) fn time(&mut self) -> io::Result<Time> {
        self.number().map(Time)
    }

    pub(crate) fn id(&mut self) -> io::Result<EventId> {
        Ok(EventId::of_words([
            self.number()?,
            self.number()?,
            self.number()?,
            self.number()?,
        ]))
    }

    /// As many as were written, one after another.
    pub(crate) fn each(&mut self, mut one: impl FnMut(&mut Self) -> io::Result<()>) -> io::Result<()> {
        for _ in 0..self.long()? {
            one(self)?;
        }
        Ok(())
    }
}
