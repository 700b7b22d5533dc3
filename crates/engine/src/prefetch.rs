//! The hint that brings a cache line closer, and the only unsafe code of the project: a prefetch reads nothing that the
//! program can observe and cannot fault, whatever the address.

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
