//! Memory that nobody needs any more, given back to the operating system.
//!
//! The allocator does so when it is asked for memory the next time. A proxy that has read the
//! manifests of a large mesh and now waits asks for nothing, and would keep twice what it needs.

/// Gives back what is free on this thread's heap. `all`: at once, after much came free; else what
/// has been free for a while.
pub(crate) fn give_back(all: bool) {
    #[expect(
        unsafe_code,
        reason = "a foreign function that may be called at any time, from any thread"
    )]
    unsafe {
        libmimalloc_sys::mi_collect(all);
    }
}
