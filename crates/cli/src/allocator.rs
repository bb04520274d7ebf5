//! The allocator of the binary. Training allocates and frees the same few megabytes at every step, and what goes back to the
//! system between two steps has to be fetched, and filled with zeros, anew: about a tenth of the time of a fit.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Keeps freed memory for the next tensor, unless `MIMALLOC_PURGE_DELAY` says otherwise. A library that embeds Sensitome has
/// the same from this allocator and `MIMALLOC_PURGE_DELAY=-1`. To be called before any thread is started.
#[allow(unsafe_code)] // the allocator's setting is a C function
pub(crate) fn keep_pages() {
    const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15; // `mi_option_purge_delay`, which the bindings do not name
    if std::env::var_os("MIMALLOC_PURGE_DELAY").is_none() {
        // SAFETY: sets a number of the allocator; no other thread is there to do the same.
        unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, -1) }
    }
}
