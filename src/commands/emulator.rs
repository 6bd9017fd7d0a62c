//! `emulator`: runs a local iCloud until it is told to stop.

use std::{net::SocketAddr, path::Path, time::Duration};

use serde_json::json;

use crate::{
    cli::EmulatorArgs,
    emulator::{self, Account, Config, Emulator},
    error::{Error, Kind, Result},
    report::Console,
    stop::Stop,
};

/// The made-up account of a new emulator, and its password.
pub(super) const ACCOUNT: (&str, &str) = ("demo@example.com", "demo");
/// The same with Advanced Data Protection.
const PROTECTED: (&str, &str) = ("protected@example.com", "demo");
/// How often it looks whether it is told to stop.
const LOOK: Duration = Duration::from_secs(1);

/// Starts an emulator with the made-up accounts, unless its folder has accounts already.
///
/// # Errors
/// `Usage` where it would be reached from elsewhere; `Local` where it can't listen or use its folder.
pub(super) fn start(
    listen: SocketAddr,
    proxy: Option<SocketAddr>,
    data: Option<&Path>,
) -> Result<Emulator> {
    for address in [Some(listen), proxy].into_iter().flatten() {
        if !address.ip().is_loopback() {
            let text = format!("{address}: the emulator listens on this machine only");
            return Err(
                Error::new(Kind::Usage, text).with_hint("give an address such as 127.0.0.1:8080")
            );
        }
    }
    let config = Config {
        listen,
        proxy,
        data: data.map(Path::to_path_buf),
        accounts: Vec::new(),
        ..Config::default()
    };
    let emulator =
        emulator::start(config).map_err(|error| Error::io("cannot start the emulator", error))?;
    if emulator.accounts().is_empty() {
        emulator.add_account(Account::new(ACCOUNT.0, ACCOUNT.1));
        let protected = Account {
            adp: true,
            ..Account::new(PROTECTED.0, PROTECTED.1)
        };
        emulator.add_account(protected);
    }
    Ok(emulator)
}

/// Runs it.
///
/// # Errors
/// As [`start`].
pub fn run(args: &EmulatorArgs, console: &Console, stop: &Stop) -> Result<u8> {
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    let emulator = start(
        args.listen.unwrap_or(any_port),
        args.proxy,
        args.data.as_deref(),
    )?;
    if args.json {
        let ca_file = args
            .data
            .as_ref()
            .filter(|_| args.proxy.is_some())
            .map(|data| data.join("ca.pem"));
        let line = json!({
            "type": "emulator",
            "url": emulator.url(),
            "proxy": emulator.proxy_url(),
            "ca": emulator.ca_pem(),
            "ca_file": ca_file,
            "accounts": emulator.accounts(),
        });
        console.print(&format!("{line}\n"));
    } else {
        console.print(&tell(&emulator, args));
    }
    while stop.wait(LOOK).is_ok() {}
    Ok(0)
}

fn tell(emulator: &Emulator, args: &EmulatorArgs) -> String {
    let url = emulator.url();
    let mut lines = vec![
        format!("A local iCloud listens on {url}"),
        format!(
            "Accounts: {} (new ones have the password \"{}\")",
            emulator.accounts().join(", "),
            ACCOUNT.1
        ),
        String::new(),
        "In another terminal:".to_owned(),
        format!("  export ICLOUD_SYNC_ENDPOINT={url}"),
        format!("  icloud-sync login --account {}", ACCOUNT.0),
        format!(
            "  curl '{url}/_emulator/code?account={}'    # the code that a device would show",
            ACCOUNT.0
        ),
    ];
    if let (Some(proxy), Some(pem)) = (emulator.proxy_url(), emulator.ca_pem()) {
        lines.push(String::new());
        lines.push("Any other client, by iCloud's own host names:".to_owned());
        lines.push(format!("  export HTTPS_PROXY={proxy}"));
        match &args.data {
            Some(data) => lines.push(format!(
                "  export SSL_CERT_FILE={}",
                data.join("ca.pem").display()
            )),
            None => lines.push(format!(
                "with this authority (--data writes it to a file):\n{pem}"
            )),
        }
    }
    lines.push(String::new());
    lines.push("Ctrl-C ends it.\n".to_owned());
    lines.join("\n")
}
