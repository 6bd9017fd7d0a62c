//! `emulator`: a local iCloud in the foreground, until it is told to stop.
//!
//! Prints where it listens, who its accounts are, and what to set in another terminal; with `--json`
//! the same as one line, for scripts. A stop by signal is how it ends: exit code 0.

use std::io::Write;

use serde_json::json;

use crate::{
    cli::EmulatorArgs,
    emulator::{self, Config, Emulator},
    error::{Error, Kind, Result},
    stop::Stop,
};

/// How long one wait for the stop flag is; any length will do.
const WAIT: std::time::Duration = std::time::Duration::from_secs(3600);

/// Runs an emulator until the stop flag is set.
///
/// # Errors
/// `Usage` where an address is not this machine's own loopback; `Local` where it is taken or the data
/// folder can't be used.
pub fn run(args: &EmulatorArgs, stop: &Stop, out: &mut dyn Write) -> Result<()> {
    let mut config = Config::default();
    if let Some(listen) = args.listen {
        config.listen = listen;
    }
    config.proxy = args.proxy;
    config.data.clone_from(&args.data);
    for (flag, address) in [("--listen", Some(config.listen)), ("--proxy", config.proxy)] {
        if let Some(address) = address.filter(|address| !address.ip().is_loopback()) {
            return Err(Error::new(
                Kind::Usage,
                format!("{flag}: bad value {address}: a loopback address such as 127.0.0.1:0 is expected"),
            )
            .with_hint("anyone who reaches the emulator can read and change what is in it"));
        }
    }
    let accounts: Vec<_> = config
        .accounts
        .iter()
        .map(|account| (account.email.clone(), account.password.clone()))
        .collect();
    let running = emulator::start(config)
        .map_err(|error| Error::new(Kind::Local, "cannot start the emulator").with_source(error))?;
    let text = if args.json {
        as_json(&running, args, &accounts)
    } else {
        as_text(&running, args, &accounts)
    };
    out.write_all(text.as_bytes())
        .map_err(|error| Error::io("cannot write the output", error))?;
    while stop.wait(WAIT).is_ok() {}
    Ok(())
}

type Known = [(String, String)];

/// The password is shown: it is made up, and the only way in.
fn password(known: &Known, email: &str) -> Option<String> {
    let mut all = known.iter();
    all.find(|(its, _)| its.eq_ignore_ascii_case(email))
        .map(|(_, password)| password.clone())
}

fn as_json(running: &Emulator, args: &EmulatorArgs, known: &Known) -> String {
    let accounts: Vec<_> = running
        .accounts()
        .iter()
        .map(|email| json!({"email": email, "password": password(known, email)}))
        .collect();
    let line = json!({
        "type": "emulator",
        "url": running.url(),
        "control": format!("{}/_emulator/", running.url()),
        "proxy": running.proxy_url(),
        "ca": ca_file(args),
        "ca_pem": running.ca_pem(),
        "accounts": accounts,
    });
    format!("{line}\n")
}

/// Where the certificate of the proxy is kept, if it is.
fn ca_file(args: &EmulatorArgs) -> Option<String> {
    args.proxy.as_ref()?;
    let folder = args.data.as_ref()?;
    Some(folder.join("ca.pem").to_string_lossy().into_owned())
}

fn as_text(running: &Emulator, args: &EmulatorArgs, known: &Known) -> String {
    let url = running.url();
    let mut lines = vec![format!("A local iCloud listens on {url}")];
    for email in running.accounts() {
        lines.push(match password(known, &email) {
            Some(password) => format!("  account {email}, password {password}"),
            None => format!("  account {email}"),
        });
    }
    lines.push("In another terminal:".into());
    lines.push(format!("  export ICLOUD_SYNC_ENDPOINT={url}"));
    lines.push("  icloud-sync login".into());
    lines.push("The code of the second factor, as a device would show it:".into());
    lines.push(format!("  curl {url}/_emulator/code"));
    if let Some(proxy) = running.proxy_url() {
        lines.push("For any iCloud client, in place of iCloud itself:".into());
        lines.push(format!("  export HTTPS_PROXY={proxy}"));
        match ca_file(args) {
            Some(file) => lines.push(format!("  export SSL_CERT_FILE={file}")),
            None => lines.push("  (give --data DIR to have its certificate in DIR/ca.pem)".into()),
        }
    }
    lines.push("Ctrl-C ends it.".into());
    lines.push(String::new());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_stopped(args: &EmulatorArgs) -> Result<String> {
        let stop = Stop::new();
        stop.set(2);
        let mut out = Vec::new();
        run(args, &stop, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn it_says_where_it_is_and_how_to_get_in() {
        let text = run_stopped(&EmulatorArgs::default()).unwrap();
        assert!(
            text.starts_with("A local iCloud listens on http://127.0.0.1:"),
            "{text}"
        );
        assert!(
            text.contains("account demo@example.com, password demo"),
            "{text}"
        );
        assert!(
            text.contains("export ICLOUD_SYNC_ENDPOINT=http://127.0.0.1:"),
            "{text}"
        );
        assert!(!text.contains("HTTPS_PROXY"), "{text}");
    }

    #[test]
    fn for_scripts_it_is_one_line_of_json() {
        let folder = tempfile::tempdir().unwrap();
        let args = EmulatorArgs {
            proxy: Some(([127, 0, 0, 1], 0).into()),
            data: Some(folder.path().join("data")),
            json: true,
            ..EmulatorArgs::default()
        };
        let text = run_stopped(&args).unwrap();
        assert_eq!(text.lines().count(), 1);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["accounts"][0]["email"], "demo@example.com");
        assert!(
            value["proxy"]
                .as_str()
                .unwrap()
                .starts_with("http://127.0.0.1:")
        );
        let pem = std::fs::read_to_string(value["ca"].as_str().unwrap()).unwrap();
        assert_eq!(value["ca_pem"], pem);
    }

    #[test]
    fn it_listens_for_nobody_else() {
        let args = EmulatorArgs {
            listen: Some(([0, 0, 0, 0], 0).into()),
            ..EmulatorArgs::default()
        };
        let error = run_stopped(&args).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(
            error.chain().starts_with("--listen: bad value 0.0.0.0:0"),
            "{}",
            error.chain()
        );
    }
}
