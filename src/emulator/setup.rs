//! The setup host: `accountLogin`, `validate`, `logout`, terms of use (protocol page 5), and who may pass to the data hosts.
//!
//! A browser session is known by its cookies. Which of them is decided on: `X-APPLE-WEBAUTH-TOKEN`, and for protected data
//! `X-APPLE-WEBAUTH-PCS-Documents`.

use serde_json::{Value, json};

use super::call::{Call, Reply};
use super::identity::text;
use super::log::Host;
use super::switches::Rotate;
use super::world::{AccountState, WebSession, World};

const TOKEN: &str = "X-APPLE-WEBAUTH-TOKEN";
const DAY: i64 = 86_400;

/// Values of the rotating token that are good at a time.
const GOOD_TURNS: u32 = 3;

/// Services of the map besides those of the Drive; the empty ones are as recorded.
const OTHER_SERVICES: [&str; 8] = [
    "account",
    "calendar",
    "ckdatabasews",
    "contacts",
    "findme",
    "keyvalue",
    "notes",
    "photos",
];
const EMPTY_SERVICES: [&str; 3] = ["iworkexportws", "mail", "ubiquity"];

/// `POST /accountLogin`.
pub(super) fn account_login(world: &mut World, call: &Call) -> Reply {
    if let Some(refusal) = check_origin(world, call) {
        return refusal;
    }
    if world.switches.wrong_region {
        let other = if call.bases == super::call::Bases::Proxied(true) {
            "iCloud.com"
        } else {
            "iCloud.com.cn"
        };
        return Reply::json(302, &json!({"domainToUse": other}))
            .with("location", call.bases.home());
    }
    let body = call.json().unwrap_or_default();
    let token = text(&body, "dsWebAuthToken");
    if token.is_empty() {
        return Reply::error(
            Host::Setup,
            400,
            "",
            "Missing required field: X-APPLE-WEBAUTH-TOKEN or Apple ID",
        );
    }
    let Some(found) = world.tokens.get(token).cloned() else {
        return Reply::error(Host::Setup, 400, "", "Invalid Session Token");
    };
    let trusted = found.trusted || world.trusts(&found.email, text(&body, "trustToken"));
    let key = world.rng.token(40);
    let pcs = (trusted
        && !world
            .accounts
            .get(&found.email)
            .is_some_and(|a| a.account.adp))
    .then(|| world.rng.token(60));
    let session = WebSession {
        email: found.email.clone(),
        expired: false,
        turn: 1,
        answers: 0,
        pcs: pcs.clone(),
    };
    world.webs.insert(key.clone(), session);
    world.dirty = true;
    let now = world.now();
    let month = Some(now + 30 * DAY);
    let Some(state) = world.accounts.get(&found.email) else {
        return Reply::error(Host::Setup, 400, "", "Invalid Session Token");
    };
    let mut reply = Reply::json(200, &account_json(world, call, state, trusted));
    let dsid = state.account.dsid();
    let mut draw = |length| world.rng.token(length);
    let validate = format!("v=1:t={}", draw(60));
    let web_session = draw(100);
    let unique = draw(40);
    reply.set_cookie(call, "X-APPLE-UNIQUE-CLIENT-ID", &unique, None);
    reply.set_cookie(
        call,
        "X-APPLE-WEBAUTH-LOGIN",
        &format!("v=1:t={}", draw(40)),
        None,
    );
    reply.set_cookie(call, "X-APPLE-WEBAUTH-VALIDATE", &validate, None);
    reply.set_cookie(
        call,
        "X-APPLE-WEBAUTH-USER",
        &format!("v=1:s=1:d={dsid}"),
        month,
    );
    reply.set_cookie(call, "X-APPLE-DS-WEB-SESSION-TOKEN", &web_session, month);
    let kb = format!("X_APPLE_WEB_KB-{}", world.rng.capitals(26));
    let value = world.rng.token(50);
    reply.set_cookie(call, &kb, &value, Some(now + 60 * DAY));
    if world.switches.repair_cookie {
        let value = format!("v=1:t={}", world.rng.token(40));
        reply.set_cookie(call, "X-APPLE-WEBAUTH-REPAIR", &value, None);
    } else if trusted {
        reply.set_cookie(call, TOKEN, &format!("v=2:t={key}*1"), month);
        // What belonged to the second factor is taken away again, by an empty value.
        reply.set_cookie(call, "X-APPLE-WEBAUTH-HSA-LOGIN", "", None);
    } else {
        let value = format!("v=2:t={}", world.rng.token(40));
        reply.set_cookie(call, "X-APPLE-WEBAUTH-HSA-LOGIN", &value, None);
    }
    if let Some(pcs) = pcs {
        reply.set_cookie(call, "X-APPLE-WEBAUTH-PCS-Documents", &pcs, month);
        for other in ["News", "Notes", "Sharing", "Photos"] {
            let value = world.rng.token(60);
            reply.set_cookie(call, &format!("X-APPLE-WEBAUTH-PCS-{other}"), &value, month);
        }
    }
    reply
}

/// The object that `accountLogin` and `validate` answer with.
fn account_json(world: &World, call: &Call, state: &AccountState, trusted: bool) -> Value {
    let account = &state.account;
    let mut services = serde_json::Map::new();
    for name in OTHER_SERVICES {
        let url = call.bases.service(account.partition, name);
        services.insert(name.to_owned(), json!({"url": url, "status": "active"}));
    }
    for name in EMPTY_SERVICES {
        services.insert(name.to_owned(), json!({}));
    }
    for name in ["drivews", "docws"] {
        let url = call.bases.service(account.partition, name);
        services.insert(
            name.to_owned(),
            json!({"url": url, "pcsRequired": true, "status": "active"}),
        );
    }
    if world.switches.no_drivews {
        services.remove("drivews");
    }
    let mut answer = json!({
        "dsInfo": {
            "dsid": account.dsid(),
            "hsaVersion": if account.two_factor { 2 } else { 0 },
            "hsaEnabled": account.two_factor,
            "locked": state.locked || world.switches.locked_login,
            "brMigrated": true,
            "brZoneConsolidated": true,
            "isManagedAppleID": false,
            "iCDPEnabled": account.adp,
            "pcsDeleted": false,
            "hasICloudQualifyingDevice": true,
            "statusCode": 2,
            "appleId": account.email,
            "primaryEmail": account.email,
            "appleIdAlias": "",
            "iCloudAppleIdAlias": "",
            "fullName": account.full_name,
            "firstName": account.full_name.split(' ').next(),
            "lastName": account.full_name.rsplit(' ').next(),
            "countryCode": account.country,
            "languageCode": "en-us",
            "locale": "en-us_US",
            "notificationId": "a5d9c5a2-2b5c-4f2e-9c11-6a1d1f4f6f10",
            "aDsID": "000000-00-00000000-0000-0000-0000-000000000000",
        },
        "webservices": services,
        "hsaTrustedBrowser": trusted,
        "hsaChallengeRequired": !trusted,
        "isExtendedLogin": true,
        "pcsEnabled": true,
        "pcsDeleted": false,
        "pcsServiceIdentitiesIncluded": trusted,
        "iCDPEnabled": account.adp && trusted,
        "ICDRSCapableDeviceCount": i32::from(account.trusted_devices),
        "version": 2,
        "apps": {"iclouddrive": {}},
        "appsOrder": ["iclouddrive"],
        "configBag": {"urls": {}},
        "requestInfo": {"country": "US", "timeZone": "US/Pacific", "region": "CA"},
        "iCloudInfo": {"SafariBookmarksHasMigratedToCloudKit": true},
    });
    if world.switches.terms && !state.terms_accepted {
        answer["termsUpdateNeeded"] = json!(true);
    }
    answer
}

/// `POST /validate`.
pub(super) fn validate(world: &mut World, call: &Call) -> Reply {
    let email = match admit(world, call) {
        Ok(email) => email,
        Err(refusal) => return refusal,
    };
    let Some(state) = world.accounts.get(&email) else {
        return ended(Host::Setup);
    };
    Reply::json(200, &account_json(world, call, state, true))
}

/// `POST /logout`.
pub(super) fn logout(world: &mut World, call: &Call) -> Reply {
    let Ok(key) = session_key(world, call) else {
        return ended(Host::Setup);
    };
    let email = world
        .webs
        .remove(&key)
        .map(|session| session.email)
        .unwrap_or_default();
    world.dirty = true;
    let body = call.json().unwrap_or_default();
    let flag = |name: &str| body.get(name).and_then(Value::as_bool).unwrap_or(false);
    if flag("allBrowsers") {
        world.webs.retain(|_, session| session.email != email);
    }
    world.tokens.retain(|_, token| token.email != email);
    if !flag("trustBrowser")
        && let Some(state) = world.account(&email)
    {
        state.trust.clear();
    }
    let mut reply = Reply::json(200, &json!({"success": true}));
    reply.set_cookie(call, TOKEN, "", None);
    reply
}

/// `GET /getTerms`.
pub(super) fn terms() -> Reply {
    Reply::json(
        200,
        &json!({"iCloudTerms": {"version": 4200, "language": "en_US"}}),
    )
}

/// `GET /repairDone`.
pub(super) fn repair_done(world: &mut World, call: &Call) -> Reply {
    let body = call.json().unwrap_or_default();
    if body.get("acceptedICloudTerms") != Some(&json!(4200)) {
        return Reply::error(Host::Setup, 400, "", "Unknown terms");
    }
    let email = session_key(world, call)
        .ok()
        .and_then(|key| Some(world.webs.get(&key)?.email.clone()));
    // Before the second factor there is no token; the user's cookie tells who it is.
    let email = email.or_else(|| {
        let dsid = call
            .cookie("X-APPLE-WEBAUTH-USER")?
            .rsplit_once("d=")?
            .1
            .to_owned();
        let (email, _) = world
            .accounts
            .iter()
            .find(|(_, state)| state.account.dsid() == dsid)?;
        Some(email.clone())
    });
    match email.and_then(|email| world.account(&email)) {
        Some(state) => {
            state.terms_accepted = true;
            Reply::json(200, &json!({"success": true}))
        }
        None => ended(Host::Setup),
    }
}

/// 421: no session, or one that has ended.
fn ended(host: Host) -> Reply {
    Reply::error(
        host,
        421,
        "AUTHENTICATION_FAILED",
        "Missing or expired X-APPLE-WEBAUTH-TOKEN cookie",
    )
}

/// 421: without an `Origin` of the service nobody gets further.
pub(super) fn check_origin(world: &World, call: &Call) -> Option<Reply> {
    if !world.switches.need_origin {
        return None;
    }
    let good = match call.header("origin") {
        None => false,
        Some(origin) => !call.bases.proxied() || origin.starts_with("https://www.icloud.com"),
    };
    (!good).then(|| {
        Reply::labelled(
            421,
            "text/plain",
            b"Invalid or missing Origin header".to_vec(),
        )
    })
}

/// The key of the session that the token cookie stands for.
pub(super) fn session_key(world: &World, call: &Call) -> Result<String, Reply> {
    let value = call.cookie(TOKEN).unwrap_or_default();
    let token = value.rsplit_once("t=").map_or(value, |(_, token)| token);
    let (key, turn) = token.split_once('*').unwrap_or((token, ""));
    let turn: u32 = turn.parse().unwrap_or(0);
    let good = world.webs.get(key).is_some_and(|session| {
        !session.expired && turn <= session.turn && turn + GOOD_TURNS > session.turn
    });
    if good {
        Ok(key.to_owned())
    } else {
        Err(ended(call.host))
    }
}

/// The account of a request to setup, drivews or docws.
///
/// # Errors
///
/// The answer to give: 421 without an `Origin` or a session.
pub(super) fn admit(world: &World, call: &Call) -> Result<String, Reply> {
    if let Some(refusal) = check_origin(world, call) {
        return Err(refusal);
    }
    let key = session_key(world, call)?;
    world
        .webs
        .get(&key)
        .map(|session| session.email.clone())
        .ok_or_else(|| ended(call.host))
}

/// Changes a cookie on an ordinary answer now and then, as the switch says.
pub(super) fn rotate(world: &mut World, call: &Call, reply: &mut Reply) {
    let (rotate, every) = (world.switches.rotate, world.switches.rotate_every.max(1));
    let month = Some(world.now() + 30 * DAY);
    let Ok(key) = session_key(world, call) else {
        return;
    };
    let fresh = world.rng.token(60);
    let Some(session) = world.webs.get_mut(&key) else {
        return;
    };
    session.answers += 1;
    if !session.answers.is_multiple_of(every) {
        return;
    }
    match rotate {
        Rotate::None => {}
        Rotate::Validate => {
            reply.set_cookie(
                call,
                "X-APPLE-WEBAUTH-VALIDATE",
                &format!("v=1:t={fresh}"),
                None,
            );
        }
        Rotate::Token => {
            session.turn += 1;
            let value = format!("v=2:t={key}*{}", session.turn);
            reply.set_cookie(call, TOKEN, &value, month);
            world.dirty = true;
        }
    }
}
