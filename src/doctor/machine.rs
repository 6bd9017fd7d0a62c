//! The program itself and the system that it runs on: what a report begins with. No check here can fail.

use std::fs;

use rustix::system::uname;

use super::Finding;

/// Which program.
pub(super) fn program() -> Finding {
    Finding::ok(
        "program",
        format!("icloud-sync {}", env!("CARGO_PKG_VERSION")),
    )
}

/// Which system: its name, kernel and machine.
pub(super) fn system() -> Finding {
    let name = uname();
    let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
    let mut found = format!(
        "{} {} {}",
        text(name.sysname()),
        text(name.release()),
        text(name.machine())
    );
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    if let Some(pretty) = pretty_name(&release) {
        found.push_str(", ");
        found.push_str(pretty);
    }
    Finding::ok("system", found)
}

/// Returns the name in an `os-release` file.
fn pretty_name(release: &str) -> Option<&str> {
    release
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="))
        .map(|name| name.trim_matches(['"', '\'']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_has_a_name() {
        let release = "NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n";
        assert_eq!(pretty_name(release), Some("Debian GNU/Linux 12 (bookworm)"));
        assert!(system().found.starts_with("Linux "));
    }
}
