//! Which objects and arrays are open: a stack of bits, so that nesting costs no memory of its own.

use super::DEPTH_MAX;

const WORDS: usize = DEPTH_MAX.div_ceil(64);

/// The objects and arrays that are open, outermost first: a bit each, 1 for an object.
pub(super) struct Open {
    depth: usize,
    objects: [u64; WORDS],
}

impl Open {
    pub(super) fn nothing() -> Open {
        Open { depth: 0, objects: [0; WORDS] }
    }

    #[inline]
    pub(super) fn is_nothing(&self) -> bool {
        self.depth == 0
    }

    /// Says if there was room.
    #[inline]
    pub(super) fn push(&mut self, object: bool) -> bool {
        if self.depth >= DEPTH_MAX {
            return false;
        }
        let bit = 1 << (self.depth % 64);
        if let Some(word) = self.objects.get_mut(self.depth / 64) {
            *word = if object { *word | bit } else { *word & !bit };
        }
        self.depth = self.depth.saturating_add(1);
        true
    }

    #[inline]
    pub(super) fn pop(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Is the innermost one an object? Nothing if none is open.
    #[inline]
    pub(super) fn innermost(&self) -> Option<bool> {
        let at = self.depth.checked_sub(1)?;
        let word = self.objects.get(at / 64)?;
        Some(word >> (at % 64) & 1 == 1)
    }
}
