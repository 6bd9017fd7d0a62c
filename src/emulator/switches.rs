//! Switches: how the service behaves where its behaviour is unknown, changes by account, or is meant to annoy.
//!
//! A value of [`Switches`] holds for all accounts of an emulator, and may be changed at any time. The defaults are what
//! the protocol page holds for most likely. `Emulator::set_switches` and the control interface change them.

use serde::{Deserialize, Serialize};

use super::srp::Encoding;

/// Whether a folder's etag changes with what is below it (protocol page 8.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EtagSpread {
    /// Only a change of the folder itself.
    None,
    /// When its recursive totals change, or its own children come and go.
    #[default]
    Totals,
    /// With every change below, renames and same-size edits as well.
    All,
}

/// What kind of content signatures clients are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignatureMode {
    /// By the formula of protocol page 9.9.
    #[default]
    Plain,
    /// Right in form, but random at each staging.
    Opaque,
    /// Of an encrypted container: the first byte is 0x81.
    Container,
}

/// How a document of somebody else's share is asked for (protocol page 8.9: one project each).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShareDownload {
    /// `/ws/ZONE/download/by_id/OWNER`.
    #[default]
    ById,
    /// `/ws/ZONE:OWNER/download/by_id`.
    ByZone,
    /// Not at all.
    Never,
}

/// What becomes of a document that is in somebody's share already, when an upload names it. Nobody shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShareUpdates {
    /// Its next version, as in the account's own zone.
    #[default]
    InPlace,
    /// 400 at `update/shared`, and it stays as it was.
    Refused,
}

/// How a write to a share is refused that this account may only read. Nobody shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShareDenied {
    /// HTTP 403, of an upload at its first step.
    #[default]
    Http403,
    /// HTTP 400, of an upload at its first step.
    Http400,
    /// HTTP 200 with the status `PERMISSION_DENIED` at each item, of an upload with a failure inside of its last step's.
    Status,
}

/// What the trash does with a stale etag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StaleTrash {
    /// 200 with the unchanged item and the status `OK`.
    #[default]
    Silent,
    /// 200 with the status `ETAG_CONFLICT` and the item as it is now.
    Conflict,
    /// Trashes it all the same. Nobody has seen that; a probe has to tell.
    Trash,
}

/// How a right second-factor code is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeAnswer {
    /// 204 with a session token.
    #[default]
    NoContent,
    /// 200 with a session token.
    Ok,
    /// 409 with `valid: true` and a session token.
    ConflictWithToken,
    /// 409 with `valid: true` alone.
    ConflictWithoutToken,
}

/// How `GET /appleauth/auth` shapes its JSON (protocol page 4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthShape {
    /// Fields on top.
    #[default]
    Flat,
    /// Nested under `phoneNumberVerification`.
    Nested,
    /// Only the singular number.
    Single,
}

/// When writes are refused with `ZONE_BUSY` (protocol page 11.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ZoneBusy {
    /// Never.
    None,
    /// While another write of the same zone is between its arrival and its answer, added latency included.
    #[default]
    InFlight,
    /// As above, and by chance with this probability.
    Random(f64),
}

/// How a taken name is refused by `update/documents`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TakenName {
    /// HTTP 409 with the text of the uniqueness violation.
    #[default]
    Http,
    /// HTTP 200 with a non-zero inner status.
    Inner,
}

/// Which cookie changes on ordinary answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rotate {
    /// None.
    None,
    /// `X-APPLE-WEBAUTH-VALIDATE`, which nothing depends on.
    #[default]
    Validate,
    /// `X-APPLE-WEBAUTH-TOKEN`: only the last three values are good, so a client must take over what it is sent.
    Token,
}

/// All switches. In JSON each field may be left out, which means its default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Switches {
    /// See [`EtagSpread`].
    pub etag_spread: EtagSpread,
    /// Lists of more ids than this are answered with 400; 0 for no limit.
    pub list_limit: usize,
    /// Items carry no `status` word.
    pub no_status: bool,
    /// Optional fields are `null` or empty here and there, as is met in old accounts.
    pub ragged: bool,
    /// `PUT verify/trusteddevice/securitycode` is answered with 405.
    pub push_put_405: bool,
    /// A code exists only once it has been asked for; off: the 409 of `signin/complete` shows one already.
    pub push_needed: bool,
    /// The next codes begin with zeros.
    pub zero_led_code: bool,
    /// See [`CodeAnswer`].
    pub code_answer: CodeAnswer,
    /// See [`AuthShape`].
    pub auth_shape: AuthShape,
    /// Which encodings of the SRP proofs are right.
    pub srp_encoding: Encoding,
    /// The server's public value begins with a zero byte; off: with another one.
    pub short_b: bool,
    /// The shared secret begins with a zero byte; off: with another one.
    pub short_s: bool,
    /// Iterations to announce instead of the account's.
    pub force_iterations: Option<u64>,
    /// A protocol word to announce instead of the account's.
    pub force_protocol: Option<String>,
    /// `signin/init` labels its JSON `text/html`.
    pub init_as_html: bool,
    /// `signin/init` is refused with 503 and plain text.
    pub signin_throttled: bool,
    /// Failed sign-ins until an account is locked; 0 for never.
    pub lock_after: u32,
    /// Bits of work that `signin/init` wants (protocol page 3); 0 for none.
    pub hashcash_bits: u32,
    /// A stale `scnt` or session id is answered with 421.
    pub strict_scnt: bool,
    /// Only requests with an `Origin` reach setup, drivews and docws.
    pub need_origin: bool,
    /// See [`Rotate`].
    pub rotate: Rotate,
    /// Answers between two rotations.
    pub rotate_every: u32,
    /// What `requestPCS` says how often before it succeeds.
    pub pcs_pending: u32,
    /// `requestPCS` succeeds, but sets no cookie.
    pub pcs_no_cookie: bool,
    /// `requestWebAccessState` says "not yet" so often after the consent was asked for.
    pub consent_pending: u32,
    /// How documents of shares are asked for.
    pub share_download: ShareDownload,
    /// See [`ShareUpdates`].
    pub share_updates: ShareUpdates,
    /// See [`ShareDenied`].
    pub share_denied: ShareDenied,
    /// Each write to a share gives it a new `shareChangeTag`. A write that has to tell the tag and tells an old one gets 409 (nobody
    /// shows what it really gets).
    pub share_tag_moves: bool,
    /// The storage of those who share with this account is used up, so that nothing can be uploaded to their shares.
    pub share_owner_full: bool,
    /// See [`StaleTrash`].
    pub stale_trash: StaleTrash,
    /// See [`SignatureMode`].
    pub signatures: SignatureMode,
    /// Signatures in the URL alphabet of base64.
    pub signature_url_alphabet: bool,
    /// See [`ZoneBusy`].
    pub zone_busy: ZoneBusy,
    /// See [`TakenName`].
    pub taken_name: TakenName,
    /// An in-place update of a trashed file is done (in the trash) instead of refused.
    pub update_in_trash: bool,
    /// A batch of downloads with an unknown id is refused as a whole, instead of with an element without tokens.
    pub batch_refuses_unknown: bool,
    /// Largest batch of downloads; more is answered with 400; 0 for no limit.
    pub batch_limit: usize,
    /// Lookups of a document so often after its upload are answered with 404.
    pub fresh_404: u32,
    /// Seconds that a content URL is good for.
    pub url_seconds: i64,
    /// Packages come inside gzip.
    pub gzip_packages: bool,
    /// Packages are labelled `application/octet-stream`.
    pub octet_packages: bool,
    /// `accountLogin` answers 302 with `domainToUse`.
    pub wrong_region: bool,
    /// `accountLogin` says `termsUpdateNeeded` until the terms are accepted.
    pub terms: bool,
    /// `accountLogin` and `validate` say that the account is locked.
    pub locked_login: bool,
    /// `accountLogin` gives a cookie that asks for attention, and none for the data.
    pub repair_cookie: bool,
    /// A library's own element says that it is a folder; as a child it is a library.
    pub plain_libraries: bool,
    /// The services map has no `drivews`.
    pub no_drivews: bool,
    /// Content hosts answer requests that carry cookies with 400; they are flagged in the log in any case.
    pub refuse_cookies: bool,
    /// Milliseconds added to every request.
    pub latency_ms: u64,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            etag_spread: EtagSpread::default(),
            list_limit: 0,
            no_status: false,
            ragged: false,
            push_put_405: false,
            push_needed: true,
            zero_led_code: false,
            code_answer: CodeAnswer::default(),
            auth_shape: AuthShape::default(),
            srp_encoding: Encoding::default(),
            short_b: false,
            short_s: false,
            force_iterations: None,
            force_protocol: None,
            init_as_html: false,
            signin_throttled: false,
            lock_after: 3,
            hashcash_bits: 0,
            strict_scnt: true,
            need_origin: true,
            rotate: Rotate::default(),
            rotate_every: 20,
            pcs_pending: 1,
            pcs_no_cookie: false,
            consent_pending: 1,
            stale_trash: StaleTrash::default(),
            share_download: ShareDownload::default(),
            share_updates: ShareUpdates::default(),
            share_denied: ShareDenied::default(),
            share_tag_moves: false,
            share_owner_full: false,
            signatures: SignatureMode::default(),
            signature_url_alphabet: false,
            zone_busy: ZoneBusy::default(),
            taken_name: TakenName::default(),
            update_in_trash: false,
            batch_refuses_unknown: false,
            batch_limit: 0,
            fresh_404: 0,
            url_seconds: 900,
            gzip_packages: false,
            octet_packages: false,
            wrong_region: false,
            terms: false,
            locked_login: false,
            repair_cookie: false,
            plain_libraries: false,
            no_drivews: false,
            refuse_cookies: false,
            latency_ms: 0,
        }
    }
}
