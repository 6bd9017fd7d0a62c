//! Who comes from iCloud-Sync-Linux brings an `.env` file with its variables, and its state inside LOCAL.

use std::fs;

use super::world::{PASSWORD, WHO, World};

/// Every variable that it knows, as people write them; the state file is where it puts it.
const ENV: &str = "\
ICLOUD_USERNAME=ada@example.com      # required
LOCAL_DIRECTORY=~/local
SYNC_INTERVAL=300                           # seconds
LOG_LEVEL=INFO
LOG_JSON=0
LOG_FILE=~/icloud-sync.log
FORCE_RELOGIN=0
AUTO_REAUTH=1
AUTO_REAUTH_MAX_ATTEMPTS=3               # -1 disables
ICLOUD_2FA_CODE=                            # optional
STATE_FILE=~/local/.icloud_sync_state.json
ENABLE_CHECKSUM=1
VERIFY_DOWNLOAD=yes
INCLUDE_PATTERNS=*.txt,docs/*.md
EXCLUDE_PATTERNS=*.bak,*.tmp
IGNORE_PATTERNS=*.partial,~*
DRY_RUN=n
NO_REMOTE=0
CONFLICT_STRATEGY=prefer_newer              # or prefer_local, prefer_remote, keep_both
USE_KEYRING=0
KEYRING_SERVICE=icloud-sync
VERBOSE_DECISIONS=0
STATS_INTERVAL=0
PROGRESS_SUMMARY=0
METRICS_HTTP=0
METRICS_PORT=8787
METRICS_HOST=127.0.0.1
METRICS_PATH=/metrics
METRICS_TOKEN=
OP_DELAY_MS=0
MAX_DOWNLOADS_PER_PASS=0
";

#[test]
fn an_env_file_of_icloud_sync_linux_is_taken_as_it_is_and_its_state_is_put_aside() {
    let world = World::new();
    let password = format!("ICLOUD_PASSWORD='{PASSWORD}'\n");
    fs::write(world.folder.path().join(".env"), ENV.to_owned() + &password).unwrap();
    let state = "{\n  \"files\": {\n    \"a.txt\": {}\n  },\n  \"remote_snapshot\": []\n}";
    world.write(".icloud_sync_state.json", state);
    world.write("a.txt", "equal");
    world.drive.write("a.txt", "equal").unwrap();
    world.write("docs/b.md", "ours");
    world.write("docs/deep/c.md", "a star does not cross folders");
    world.write("d.bak", "left out");
    world.drive.write("e.txt", "theirs").unwrap();
    let run = || {
        let output = world
            .command()
            .env_remove("ICLOUD_USERNAME")
            .env_remove("ICLOUD_PASSWORD")
            .env_remove("USE_KEYRING")
            .arg("bisync")
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{said}");
        said
    };
    world.emulator.clear_requests();
    let said = run();
    assert!(
        said.contains("goes on as a first one, which deletes nothing"),
        "{said}"
    );
    assert_eq!(
        world.count("content POST") + world.count("content GET"),
        2,
        "{said}"
    );
    let names: Vec<String> = world.remote_tree().into_keys().collect();
    assert_eq!(names, ["a.txt", "docs", "docs/b.md", "docs/deep", "e.txt"]);
    assert_eq!(world.read("e.txt"), "theirs");
    // It is kept, and never leaves this machine, filters or not.
    let kept: Vec<String> = (world.local_tree().into_keys())
        .filter(|name| name.contains(".damaged-"))
        .collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(world.read(&kept[0]), state);
    let said = run();
    assert!(said.contains("bisync: nothing to do"), "{said}");
    assert_eq!(world.run(["status"]).code(0).stdout.matches(WHO).count(), 1);

    fs::write(
        world.folder.path().join(".env"),
        "STATE_FILE=~/local/.icloud_sync_state.json\n",
    )
    .unwrap();
    world.pass("bisync", &[]).code(0);
    let names: Vec<String> = world.remote_tree().into_keys().collect();
    assert!(names.contains(&"docs/deep/c.md".to_owned()), "{names:?}");
    assert!(
        !names.iter().any(|name| name.contains("state.json")),
        "{names:?}"
    );
}
