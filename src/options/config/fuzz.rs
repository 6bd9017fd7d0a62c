//! Config files of any form: read, or refused with the place.

use super::*;
use crate::fuzz::fuzz;

#[test]
fn config_files() {
    let samples: [&[u8]; 3] = [
        b"trash-days = 7\nexclude = [\"*.tmp\", \"*.bak\"]\nlog_level = \"info\"\n\n[pair.docs]\nlocal = \"~/Docs\"\nremote = '/Docs'\nconflict = \"keep-both\"\nmax-delete = 10\n",
        b"[pair.\"a b\"]\nlocal = \"\"\"\n/x\"\"\"\ndry-run = true\n[pair.c]\nbwlimit = \"2M\"\n",
        b"a.b.c = { d = [1, 0x7f, 1e3, 2026-09-30T12:00:00Z] }\n",
    ];
    fuzz("config_files", &samples, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        match Config::parse(Path::new("config.toml"), &text) {
            Ok(config) => {
                for name in config.pairs() {
                    for setting in Setting::ALL {
                        config.get(Some(name), *setting);
                    }
                }
            }
            Err(error) => assert_eq!(error.kind(), Kind::Usage),
        }
    });
}
