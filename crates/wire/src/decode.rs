//! What decoding yields, and the cursor that every decoder here reads with. The cursor knows how many bytes of the
//! input are used and, when they run out, how many there would have to be; a decoder asks for the longest run that it
//! is sure to need, so that a peer's message is tried as few times as its lengths allow.

const _: () = assert!(usize::BITS >= 32, "lengths on the wire have 32 bits");

/// The outcome of decoding a message from the beginning of some input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoded<T> {
    /// The input must grow to at least this many bytes in all before another try can get further. Always more than
    /// the input has, and never more than the limits allow a message to have.
    Need(usize),
    /// One whole message.
    Frame {
        /// The message; it may borrow from the input.
        value: T,
        /// The bytes of the input that it took, from its beginning.
        used: usize,
    },
}

/// The whole input must have this many bytes.
#[derive(Debug)]
pub(crate) struct Need(usize);

/// Why a decoder stopped before it had a message.
#[derive(Debug)]
pub(crate) enum Stop<V> {
    Need(usize),
    Violation(V),
}

impl<V> From<Need> for Stop<V> {
    #[inline]
    fn from(Need(bytes): Need) -> Self {
        Self::Need(bytes)
    }
}

/// A position in the input.
pub(crate) struct Cursor<'b> {
    total: usize,
    rest: &'b [u8],
}

impl<'b> Cursor<'b> {
    #[inline]
    pub(crate) fn new(input: &'b [u8]) -> Self {
        Self { total: input.len(), rest: input }
    }

    /// Bytes read so far.
    #[inline]
    pub(crate) fn used(&self) -> usize {
        // `rest` is a tail of the input: this cannot wrap.
        self.total.wrapping_sub(self.rest.len())
    }

    #[inline]
    pub(crate) fn byte(&mut self) -> Result<u8, Need> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    /// The next `N` bytes.
    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Need> {
        let Some((array, rest)) = self.rest.split_first_chunk() else { return Err(self.need(N)) };
        self.rest = rest;
        Ok(*array)
    }

    /// The next `len` bytes.
    #[inline]
    pub(crate) fn bytes(&mut self, len: u32) -> Result<&'b [u8], Need> {
        let Some((bytes, rest)) = self.rest.split_at_checked(len as usize) else {
            return Err(self.need(len as usize));
        };
        self.rest = rest;
        Ok(bytes)
    }

    /// The next `len` bytes and the `N` that follow them.
    #[inline]
    pub(crate) fn bytes_then<const N: usize>(&mut self, len: u32) -> Result<(&'b [u8], [u8; N]), Need> {
        if let Some((bytes, rest)) = self.rest.split_at_checked(len as usize)
            && let Some((array, rest)) = rest.split_first_chunk()
        {
            self.rest = rest;
            return Ok((bytes, *array));
        }
        Err(self.need((len as usize).saturating_add(N)))
    }

    #[cold]
    fn need(&self, further: usize) -> Need {
        Need(self.used().saturating_add(further))
    }

    /// Turns what a decoder came to into what its caller sees.
    #[inline]
    pub(crate) fn finish<T, V>(&self, outcome: Result<T, Stop<V>>) -> Result<Decoded<T>, V> {
        match outcome {
            Ok(value) => Ok(Decoded::Frame { value, used: self.used() }),
            Err(Stop::Need(bytes)) => Ok(Decoded::Need(bytes)),
            Err(Stop::Violation(violation)) => Err(violation),
        }
    }
}
