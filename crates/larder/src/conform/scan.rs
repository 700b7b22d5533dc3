//! What is wrong with a document by the definitions of the decode bounds alone. Vectors that do not say why they are
//! to be refused are compared with this; it shares nothing with the reader that is being checked. Unlike a reader it
//! goes on after a fault, so that it finds them all.

/// The faults of a document, each once, in the words of the vectors.
pub(super) fn faults(document: &[u8], depth_max: usize) -> Vec<&'static str> {
    let mut scan = Scan { rest: document, owed: vec![1], depth: 0, declared: 0, faults: Vec::new() };
    scan.walk();
    let slots_max = document.len().saturating_sub(1) as u128;
    let measured = [
        (scan.depth > depth_max, "depth"),
        (scan.declared > slots_max, "overclaim"),
        (scan.owed.is_empty() && !scan.rest.is_empty(), "trailing"),
    ];
    scan.faults.extend(measured.iter().filter(|(is_so, _)| *is_so).map(|(_, fault)| *fault));
    scan.faults
}

struct Scan<'a> {
    rest: &'a [u8],
    /// Items still to come, per open collection; the document itself is the outermost.
    owed: Vec<u128>,
    depth: usize,
    declared: u128,
    faults: Vec<&'static str>,
}

impl<'a> Scan<'a> {
    fn walk(&mut self) {
        while let Some(owed) = self.owed.last_mut() {
            if *owed == 0 {
                self.owed.pop();
                continue;
            }
            *owed -= 1;
            if self.item().is_none() {
                if self.faults.is_empty() {
                    self.faults.push("incomplete");
                }
                return;
            }
        }
    }

    /// One header and, if it is no collection, its content; `None` where that cannot go on.
    fn item(&mut self) -> Option<()> {
        let marker = *self.take(1)?.first()?;
        match marker {
            0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => Some(()),
            0x80..=0x8f => self.collection(2 * u128::from(marker & 0x0f)),
            0x90..=0x9f => self.collection(u128::from(marker & 0x0f)),
            0xa0..=0xbf => self.text(u128::from(marker & 0x1f)),
            0xc1 => {
                self.faults.push("reserved");
                None
            }
            0xc4..=0xc6 => {
                let length = self.length(1 << (marker - 0xc4))?;
                self.content(length).map(drop)
            }
            0xc7..=0xc9 => {
                let length = self.length(1 << (marker - 0xc7))?;
                self.take(1)?;
                self.content(length).map(drop)
            }
            0xca => self.take(4).map(drop),
            0xcb => self.take(8).map(drop),
            0xcc..=0xcf => self.take(1 << (marker - 0xcc)).map(drop),
            0xd0..=0xd3 => self.take(1 << (marker - 0xd0)).map(drop),
            0xd4..=0xd8 => self.take(1 + (1 << (marker - 0xd4))).map(drop),
            0xd9..=0xdb => {
                let length = self.length(1 << (marker - 0xd9))?;
                self.text(length)
            }
            0xdc | 0xdd => {
                let items = self.length(2 << (marker - 0xdc))?;
                self.collection(items)
            }
            0xde | 0xdf => {
                let pairs = self.length(2 << (marker - 0xde))?;
                self.collection(2 * pairs)
            }
        }
    }

    fn collection(&mut self, slots: u128) -> Option<()> {
        self.declared += slots;
        self.owed.push(slots);
        // The outermost is the document.
        self.depth = self.depth.max(self.owed.len() - 1);
        Some(())
    }

    fn text(&mut self, length: u128) -> Option<()> {
        let text = self.content(length)?;
        if std::str::from_utf8(text).is_err() {
            self.faults.push("utf-8");
        }
        Some(())
    }

    fn content(&mut self, length: u128) -> Option<&'a [u8]> {
        self.declared += length;
        self.take(usize::try_from(length).ok()?)
    }

    fn length(&mut self, bytes: usize) -> Option<u128> {
        Some(self.take(bytes)?.iter().fold(0, |length, byte| length << 8 | u128::from(*byte)))
    }

    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(bytes)?;
        self.rest = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_found_and_sound_documents_have_none() {
        for (document, found) in [
            (&b"\x91\x91\x91\xc0"[..], vec!["depth"]),
            (b"\x81\xa0\x81\xa0\x81\xa0\xc0", vec!["depth"]),
            (b"\xdd\xff\xff\xff\xff", vec!["incomplete", "overclaim"]),
            (b"\xdf\x80\x00\x00\x00", vec!["incomplete", "overclaim"]),
            (b"\x91\xdd\xff\xff\xff\xff", vec!["incomplete", "overclaim"]),
            (b"\xc6\xff\xff\xff\xffA", vec!["incomplete", "overclaim"]),
            (b"\xc9\xff\xff\xff\xff\x05A", vec!["incomplete", "overclaim"]),
            (b"\x92\xdc\x00\x00", vec!["incomplete"]),
            (b"\x82\xde\x00\x00\xc0", vec!["incomplete"]),
            (b"", vec!["incomplete"]),
            (b"\xc0\xc0", vec!["trailing"]),
            (b"\x91\xc1", vec!["reserved"]),
            (b"\xa1\xff", vec!["utf-8"]),
            (b"\x93\xcb\x00\x00\x00\x00\x00\x00\x00\x00\xd4\x05\xff\xd9\x01a", vec![]),
            (b"\x91\xdc\x00\x02\xc4\x01\xff\xcf\x00\x00\x00\x00\x00\x00\x00\x01", vec![]),
            (b"\x92\x90\xde\x00\x01\xd0\xff\xd3\x00\x00\x00\x00\x00\x00\x00\x01", vec![]),
        ] {
            assert_eq!(faults(document, 2), found, "{}", hex::encode(document));
        }
    }
}
