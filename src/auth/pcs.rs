//! The cookies for protected data of accounts with Advanced Data Protection (protocol page 6).
//!
//! Comes in: a signed-in session, and somebody to tell what to tap. Goes out: the cookie for Drive in
//! the jar. It needs a trusted device that is unlocked; a run without a person asks no device, and says
//! so at once rather than spin.

use log::debug;
use serde_json::{Value, json};

use crate::{
    auth::{account, prompt::Prompt},
    cloud::http::{Services, Transport},
    error::{Error, Kind, Result},
};

/// The cookie that Drive wants.
const COOKIE: &str = "X-APPLE-WEBAUTH-PCS-Documents";

/// Questions whether a device has agreed, and for its cookies; ten seconds apart (rclone's figures).
const POLLS: u32 = 30;

/// The same where nobody is there: the device has agreed before, or it will not now.
const POLLS_UNATTENDED: u32 = 3;

/// Seconds between two questions.
const PAUSE: u32 = 10;

/// Returns whether the jar holds the cookie for Drive.
pub(crate) fn is_unlocked(wire: &Transport, services: &Services) -> bool {
    wire.endpoint
        .service(&services.drivews)
        .is_ok_and(|url| wire.jar.has(&url, COOKIE))
}

/// Gets the cookie for Drive. `is_refused` tells that Drive has refused for want of it; otherwise an
/// account that has no such protection is left as it is.
///
/// # Errors
/// `SignIn` where a person is needed, or did not agree in time; `Temporary`; `Stopped`.
pub(crate) fn unlock(
    wire: &Transport,
    services: &Services,
    prompt: &dyn Prompt,
    is_refused: bool,
) -> Result<()> {
    let state = call(wire, services, "requestWebAccessState", b"null".to_vec())?;
    let is_protected = state.get("isICDRSDisabled") == Some(&Value::Bool(true));
    if !is_protected && !is_refused {
        return Ok(());
    }
    if is_protected && state.get("isDeviceConsentedForPCS") == Some(&Value::Bool(false)) {
        consent(wire, services, prompt)?;
    }
    fetch(wire, services, prompt)
}

/// Has a device ask its owner, and waits for the answer.
fn consent(wire: &Transport, services: &Services, prompt: &dyn Prompt) -> Result<()> {
    if !prompt.is_attended() {
        return Err(needs_person());
    }
    let sent = call(
        wire,
        services,
        "enableDeviceConsentForPCS",
        b"null".to_vec(),
    )?;
    if sent.get("isDeviceConsentNotificationSent") != Some(&Value::Bool(true)) {
        return Err(Error::new(
            Kind::SignIn,
            "the service could not ask any of your devices for access to protected data",
        )
        .with_hint(
            "switch on \"Access iCloud Data on the Web\" in the iCloud settings of a device, unlock it, and run `icloud-sync login`",
        ));
    }
    prompt.tell(
        "This account protects its data (Advanced Data Protection). Unlock your iPhone, iPad or Mac and tap \"Allow Access\" in the message about iCloud data on the web. No message? See that \"Access iCloud Data on the Web\" is on: Settings, your name, iCloud.",
    );
    for poll in 0..POLLS {
        pause(wire, prompt, POLLS - poll)?;
        let state = call(wire, services, "requestWebAccessState", b"null".to_vec())?;
        if state.get("isDeviceConsentedForPCS") == Some(&Value::Bool(true)) {
            return Ok(());
        }
    }
    Err(Error::new(
        Kind::SignIn,
        "no device has allowed access to the protected data in time",
    )
    .with_hint("run `icloud-sync login` again, with an unlocked device at hand"))
}

/// Asks for the cookies until a device has handed them in.
fn fetch(wire: &Transport, services: &Services, prompt: &dyn Prompt) -> Result<()> {
    let is_attended = prompt.is_attended();
    let polls = if is_attended { POLLS } else { POLLS_UNATTENDED };
    for poll in 0..polls {
        let body = json!({"appName": "iclouddrive", "derivedFromUserAction": poll == 0});
        let answer = call(wire, services, "requestPCS", body.to_string().into_bytes())?;
        let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default();
        if text("status") == "success" {
            if is_unlocked(wire, services) {
                return Ok(());
            }
            // A success without the cookie has been seen (page 6, step 5).
            debug!("requestPCS: success without the cookie for Drive");
        } else if ![
            "Requested the device to upload cookies.",
            "Cookies not available yet on server.",
        ]
        .contains(&text("message"))
        {
            let message: String = (text("message").chars().filter(|c| !c.is_control()))
                .take(200)
                .collect();
            return Err(Error::new(
                Kind::SignIn,
                format!("the protected data cannot be unlocked: {message}"),
            )
            .with_hint("unlock one of your devices and run `icloud-sync login`"));
        }
        if poll == 0 && is_attended {
            prompt.tell("Waiting for one of your devices to unlock the data; keep it unlocked.");
        }
        if poll + 1 < polls {
            pause(wire, prompt, polls - 1 - poll)?;
        }
    }
    if !is_attended {
        return Err(needs_person());
    }
    Err(Error::new(
        Kind::SignIn,
        "no device has unlocked the protected data in time",
    )
    .with_hint("run `icloud-sync login` again, with an unlocked device at hand"))
}

/// Waits for the next question, of which so many are left, and shows a person how long there is still.
fn pause(wire: &Transport, prompt: &dyn Prompt, polls_left: u32) -> Result<()> {
    for second in 0..PAUSE {
        prompt.countdown(Some(polls_left * PAUSE - second));
        let waited = wire.stop.wait(wire.pace.second);
        if waited.is_err() || second + 1 == PAUSE {
            prompt.countdown(None);
        }
        waited?;
    }
    Ok(())
}

fn needs_person() -> Error {
    Error::new(
        Kind::SignIn,
        "the data is protected, and one of your devices has to allow access to it",
    )
    .with_hint("run `icloud-sync login` with an unlocked device at hand")
}

fn call(wire: &Transport, services: &Services, path: &str, body: Vec<u8>) -> Result<Value> {
    let answer = account::post(wire, services, path, body)?;
    if !(200..300).contains(&answer.status) {
        return Err(account::refusal(path, &answer));
    }
    serde_json::from_slice(&answer.body).map_err(|error| {
        Error::new(Kind::Protocol, format!("{path}: the answer is no JSON")).with_source(error)
    })
}
