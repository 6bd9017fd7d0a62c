//! What never ends, has an end here.

use icloud_sync::emulator::{Action, Fault};

use crate::{place::Place, rounds::expect_unharmed};

#[test]
fn a_package_without_an_end_is_given_up() {
    let place = Place::new(2);
    let files: [(&str, &[u8]); 1] = [("Index.zip", b"index")];
    place.drive.mkpackage("Plan.pages", &files).unwrap();
    let flood = Fault::always("content GET", Action::Flood);
    place.emulator.fault(flood);
    let ran = place.run(&["pull", "local"]);
    place.emulator.clear_faults();
    expect_unharmed(&place, &ran, false, "a package that never ends");
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(
        ran.stderr.contains("comes in more than 1.0 GiB"),
        "{}",
        ran.stderr
    );
    assert!(place.contents().is_empty(), "nothing of it is left");
    assert_eq!(place.run(&["pull", "local"]).code, Some(0));
    assert!(place.contents().contains(&b"index"[..]));
}

#[test]
fn a_listing_without_an_end_is_given_up() {
    let place = Place::new(1);
    place.drive.write("a", "a").unwrap();
    let list = "retrieveItemDetailsInFolders";
    for (harm, limit_ms) in [(Action::Flood, 30_000), (Action::Drip(10), 1_000)] {
        place.emulator.fault(Fault::always(list, harm.clone()));
        let ran = place.run_within(&["pull", "local"], limit_ms);
        place.emulator.clear_faults();
        expect_unharmed(&place, &ran, false, &format!("{harm:?}"));
        assert!(matches!(ran.code, Some(1 | 3 | 5)), "{harm:?}: {ran:?}");
    }
    assert!(place.contents().is_empty());
    assert_eq!(place.run(&["pull", "local"]).code, Some(0));
}
