//! What the processor can do and the language has no safe words for: the only unsafe code of the project. Each function has a
//! portable form beside it, and does nothing that the portable one does not.

/// Asks the processor to load the cache line of `place`. A hint: nothing depends on it.
#[inline(always)]
pub(crate) fn prefetch<T>(place: &T) {
    #[cfg(target_arch = "x86_64")]
    #[expect(
        unsafe_code,
        reason = "the intrinsic takes a raw pointer; the pointer comes from a live reference"
    )]
    // SAFETY: `_mm_prefetch` never dereferences architecturally, and the address is that of a live value.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch(std::ptr::from_ref(place).cast::<i8>(), _MM_HINT_T0);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

/// One bit, from the lowest on, for each number whose highest byte is `top`.
#[inline(always)]
pub(crate) fn with_top_byte(numbers: [u32; 16], top: u8) -> u16 {
    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "the function needs SSE2, and says so to its caller")]
    // SAFETY: SSE2 is part of x86-64.
    return unsafe { with_top_byte_sse2(numbers, top) };
    #[cfg(not(target_arch = "x86_64"))]
    with_top_byte_portable(numbers, top)
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn with_top_byte_portable(numbers: [u32; 16], top: u8) -> u16 {
    let is_equal = |number: u32| number >> 24 == u32::from(top);
    (0..16).filter(|&place| is_equal(numbers[place])).fold(0, |found, place| found | 1 << place)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
#[inline]
fn with_top_byte_sse2(numbers: [u32; 16], top: u8) -> u16 {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi32, _mm_movemask_epi8, _mm_packs_epi16, _mm_packs_epi32, _mm_set1_epi32,
        _mm_setr_epi32, _mm_srli_epi32,
    };
    let top = _mm_set1_epi32(top.into());
    let equal = |a: u32, b: u32, c: u32, d: u32| -> __m128i {
        let four = _mm_setr_epi32(a as i32, b as i32, c as i32, d as i32);
        _mm_cmpeq_epi32(_mm_srli_epi32::<24>(four), top)
    };
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = numbers;
    let low = _mm_packs_epi32(equal(a, b, c, d), equal(e, f, g, h));
    let high = _mm_packs_epi32(equal(i, j, k, l), equal(m, n, o, p));
    _mm_movemask_epi8(_mm_packs_epi16(low, high)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn both_forms_find_the_same_numbers(numbers in prop::array::uniform16(any::<u32>()), few: bool, top: u8) {
            // Few top bytes, so that many are equal.
            let numbers = if few { numbers.map(|number| number & 0x80ff_ffff) } else { numbers };
            let top = if few { top & 0x80 } else { top };
            prop_assert_eq!(with_top_byte(numbers, top), with_top_byte_portable(numbers, top));
        }
    }
}
