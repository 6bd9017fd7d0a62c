//! A local iCloud over real HTTP, for `demo`, trying and testing.
