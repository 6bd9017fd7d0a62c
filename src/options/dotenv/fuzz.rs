//! `.env` files of any form: what is wrong is named by its line, and never shown.

use super::*;
use crate::fuzz::fuzz;

#[test]
fn dotenv_files() {
    let samples: [&[u8]; 3] = [
        b"# mine\nICLOUD_USERNAME=a@example.com\nexport ICLOUD_PASSWORD='hunter2 # $x'\nA=\"one\\ntwo\\\"hunter2\nthree\" # c\n",
        b"\xef\xbb\xbfSYNC_INTERVAL = 300 # five minutes\r\nDRY_RUN=\r\n",
        b"P='hunter2",
    ];
    fuzz("dotenv_files", &samples, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        match DotEnv::parse(Path::new(".env"), &text) {
            Ok(found) => {
                let lines = text.matches('\n').count() + 1;
                for name in found.0.keys() {
                    assert!(
                        found
                            .get(name)
                            .is_none_or(|(_, line)| (1..=lines).contains(&line))
                    );
                }
                assert!(!format!("{found:?}").contains("hunter2"));
            }
            Err(error) => {
                assert_eq!(error.kind(), Kind::Usage);
                assert!(!error.chain().contains("hunter2"), "{}", error.chain());
            }
        }
    });
}
