//! Protected data: the consent of a device, and the PCS cookies that follow it (protocol page 6).
//!
//! With Advanced Data Protection, drivews and docws answer only while the session holds the cookie for documents. The device of this
//! emulator consents by itself after as many questions as the switch says; `requestPCS` alone asks it as well, as one client does.

use serde_json::json;

use super::call::{Call, Reply};
use super::identity::text;
use super::log::Host;
use super::setup::{admit, session_key};
use super::world::World;

const COOKIE: &str = "X-APPLE-WEBAUTH-PCS-Documents";

/// `POST /requestWebAccessState`.
pub(super) fn state(world: &mut World, call: &Call) -> Reply {
    let email = match admit(world, call) {
        Ok(email) => email,
        Err(refusal) => return refusal,
    };
    let pending = world.switches.consent_pending;
    let Some(state) = world.account(&email) else {
        return Reply::empty(421);
    };
    if !state.account.adp {
        return Reply::json(200, &json!({"isICDRSDisabled": false}));
    }
    if let Some(asked) = &mut state.consent_asked {
        *asked += 1;
        if *asked > pending {
            state.consented = true;
        }
    }
    let consented = state.consented;
    Reply::json(
        200,
        &json!({"isICDRSDisabled": true, "isDeviceConsentedForPCS": consented}),
    )
}

/// `POST /enableDeviceConsentForPCS`.
pub(super) fn ask_consent(world: &mut World, call: &Call) -> Reply {
    let email = match admit(world, call) {
        Ok(email) => email,
        Err(refusal) => return refusal,
    };
    let Some(state) = world.account(&email) else {
        return Reply::empty(421);
    };
    let sent = state.account.adp && state.account.trusted_devices;
    if sent {
        state.consent_asked.get_or_insert(0);
    }
    Reply::json(200, &json!({"isDeviceConsentNotificationSent": sent}))
}

/// `POST /requestPCS`.
pub(super) fn request(world: &mut World, call: &Call) -> Reply {
    let email = match admit(world, call) {
        Ok(email) => email,
        Err(refusal) => return refusal,
    };
    let body = call.json().unwrap_or_default();
    let cookies: &[&str] = match text(&body, "appName") {
        "iclouddrive" => &[COOKIE],
        "photos" => &["X-APPLE-WEBAUTH-PCS-Photos", "X-APPLE-WEBAUTH-PCS-Sharing"],
        "notes3" => &["X-APPLE-WEBAUTH-PCS-Notes"],
        _ => {
            let answer = json!({"status": "failure", "message": "Unknown app requested"});
            return Reply::json(200, &answer);
        }
    };
    let (pending, no_cookie) = (world.switches.pcs_pending, world.switches.pcs_no_cookie);
    let expires = Some(world.now() + 30 * 86_400);
    let value = world.rng.token(60);
    let Some(state) = world.account(&email) else {
        return Reply::empty(421);
    };
    if state.account.adp && state.pcs_polls < pending {
        state.pcs_polls += 1;
        let message = if state.pcs_polls == 1 {
            "Requested the device to upload cookies."
        } else {
            "Cookies not available yet on server."
        };
        return Reply::json(200, &json!({"status": "pending", "message": message}));
    }
    state.pcs_polls = 0;
    state.consented = true;
    let mut reply = Reply::json(200, &json!({"status": "success", "message": "Success"}));
    if no_cookie {
        return reply;
    }
    for cookie in cookies {
        reply.set_cookie(call, cookie, &value, expires);
    }
    if cookies.contains(&COOKIE)
        && let Ok(key) = session_key(world, call)
        && let Some(session) = world.webs.get_mut(&key)
    {
        session.pcs = Some(value);
        world.dirty = true;
    }
    reply
}

/// The account of a request to the data hosts, if it may see documents.
///
/// # Errors
///
/// The answer to give: 421 without a session, 423 (drivews) or 400 (docws) without the cookie of a protected account.
pub(super) fn admit_to_data(world: &World, call: &Call) -> Result<String, Reply> {
    let email = admit(world, call)?;
    let protected = world
        .accounts
        .get(&email)
        .is_some_and(|state| state.account.adp);
    let key = session_key(world, call)?;
    let wanted = world
        .webs
        .get(&key)
        .and_then(|session| session.pcs.as_deref());
    if !protected || (wanted.is_some() && call.cookie(COOKIE) == wanted) {
        return Ok(email);
    }
    if call.host == Host::Drivews {
        return Err(Reply::error(
            Host::Drivews,
            423,
            "",
            "Missing PCS cookies from the request",
        ));
    }
    let reason = "InvalidRequestException: Cannot find PCS auth info from request";
    Err(Reply::error(Host::Docws, 400, "BAD_REQUEST", reason))
}
