//! The service's JSON, exactly as it speaks it; no logic.

use serde::{Deserialize, Serialize};

/// What the content host answers to an upload (protocol page 9.7); passed on as it came.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SingleFile {
    /// The content signature.
    pub file_checksum: Option<String>,
    /// A keyed signature, opaque.
    pub reference_checksum: Option<String>,
    /// Opaque.
    pub wrapping_key: Option<String>,
    /// Absent for an empty file.
    pub receipt: Option<String>,
    /// Bytes received.
    pub size: Option<u64>,
}
