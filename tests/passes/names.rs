//! Names that other tools trip over, in both normal forms and on both sides: what is made, edited, renamed, moved and
//! deleted under them comes over, and neither side's spelling is touched.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use unicode_normalization::UnicodeNormalization as _;

use super::world::World;

/// A remote name that no local file can have.
const SLASHED: &str = "on/off.txt";

fn names() -> Vec<String> {
    let long = |part: &str, count: usize| part.repeat(count);
    let mut names: Vec<String> = [
        "café.txt",
        "Ångström",
        "\u{212b} sign",
        "한글 문서",
        "日本語.pdf",
        "👨\u{200d}👩\u{200d}👧 family",
        "flag 🇨🇭.png",
        "שלום עולם",
        "\u{202e}txt.exe",
        "trailing dot.",
        "trailing blank ",
        " leading blank",
        "tab\there",
        "two\nlines",
        ".dot",
        ".dot.file",
        "..two dots",
        "...",
        "a.",
        "archive.tar.gz",
        "10:30 o'clock",
        "back\\slash",
        "full／width",
        "con",
        "aux.txt",
        "100% #1? *really* \"quoted\" $(x) `y` & ~",
        "-rf",
        "@home",
        "!not",
        "#comment",
        "[x]{y}",
        "name 2.txt",
        "ﬁligature",
        "straße",
        "İstanbul",
        "\u{feff}mark",
        "e\u{301}\u{323}\u{302} stack",
    ]
    .map(str::to_owned)
    .into();
    names.push(long("x", 251) + ".txt");
    names.push(long("漢", 85));
    // 254 bytes composed, 381 decomposed: no local name, but a remote one.
    names.push(long("é", 127));
    names.push(SLASHED.to_owned());
    names
}

/// A path by its parts as both sides are compared: composed, and with the slash that is none.
type Key = Vec<String>;

fn part_key(part: &str) -> String {
    part.nfc().collect::<String>().replace('/', "／")
}

fn key(parts: &[String]) -> Key {
    parts.iter().map(|part| part_key(part)).collect()
}

/// What there is on one side, by its key: the parts as that side spells them, and a file's content.
type Side = BTreeMap<Key, (Vec<String>, Option<Vec<u8>>)>;

fn local_side(world: &World) -> Side {
    let parts = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
    let tree = world.local_tree().into_iter();
    tree.map(|(path, content)| (key(&parts(&path)), (parts(&path), content)))
        .collect()
}

fn remote_side(world: &World) -> Side {
    let parts = |path: &str| {
        let path = path.replace(SLASHED, "\u{1}");
        let parts = path.split('/').map(|part| part.replace('\u{1}', SLASHED));
        parts.collect::<Vec<_>>()
    };
    let tree = world.remote_tree().into_iter();
    tree.map(|(path, content)| (key(&parts(&path)), (parts(&path), content)))
        .collect()
}

#[derive(Debug, Clone)]
struct Edit {
    is_local: bool,
    what: u8,
    one: u16,
    other: u16,
    is_decomposed: bool,
}

fn edit() -> impl Strategy<Value = Edit> {
    (
        any::<bool>(),
        0..12_u8,
        any::<u16>(),
        any::<u16>(),
        any::<bool>(),
    )
        .prop_map(|(is_local, what, one, other, is_decomposed)| Edit {
            is_local,
            what,
            one,
            other,
            is_decomposed,
        })
}

/// Both sides as the test believes them to be.
struct Model<'a> {
    world: &'a World,
    items: BTreeMap<Key, Option<Vec<u8>>>,
    /// Who has touched what lies below a top folder since the last pass: the test makes no conflicts.
    touched: BTreeMap<String, bool>,
    writes: usize,
}

impl Model<'_> {
    fn pick(keys: &[Key], at: u16) -> Option<&Key> {
        keys.get(usize::from(at) % keys.len().max(1))
    }

    /// A name for a new item of this folder, as the side spells it, unless something has it or one like it.
    fn free_name(&self, folder: &[String], edit: &Edit) -> Option<String> {
        let names = names();
        let name = &names[usize::from(edit.one) % names.len()];
        if name == SLASHED && (edit.is_local || !folder.is_empty()) {
            return None;
        }
        let spelt: String = if edit.is_decomposed {
            name.nfd().collect()
        } else {
            name.nfc().collect()
        };
        let caseless = |name: &str| part_key(name).to_lowercase();
        let is_taken = (self.items.keys()).any(|key| {
            key.split_last()
                .is_some_and(|(last, above)| above == folder && caseless(last) == caseless(&spelt))
        });
        (!is_taken && (!edit.is_local || spelt.len() <= 255)).then_some(spelt)
    }

    /// Whether this side may touch what lies below these top folders; it has then.
    fn claim(&mut self, tops: &[&String], is_local: bool) -> bool {
        let is_free = |top: &&String| self.touched.get(*top).is_none_or(|by| *by == is_local);
        if !tops.iter().all(is_free) {
            return false;
        }
        for top in tops {
            self.touched.insert((*top).clone(), is_local);
        }
        true
    }

    /// The parts of an item as the side that is edited spells them.
    fn spelt(&self, key: &[String], is_local: bool) -> Vec<String> {
        if key.is_empty() {
            return Vec::new();
        }
        let side = if is_local {
            local_side(self.world)
        } else {
            remote_side(self.world)
        };
        side[key].0.clone()
    }

    fn path(&self, parts: &[String]) -> PathBuf {
        self.world.local().join(parts.join("/"))
    }

    fn write(&mut self, parts: &[String], is_local: bool) {
        self.writes += 1;
        let content = format!("version {}", self.writes);
        if is_local {
            fs::write(self.path(parts), &content).unwrap();
        } else {
            self.world.drive.write(parts, content.clone()).unwrap();
        }
        self.items.insert(key(parts), Some(content.into_bytes()));
    }

    /// Gives what lies at and below a key another key.
    fn rekey(&mut self, old: &[String], new: &[String]) {
        let below: Vec<Key> = self
            .items
            .keys()
            .filter(|key| key.starts_with(old))
            .cloned()
            .collect();
        for key in below {
            let content = self.items.remove(&key).unwrap();
            self.items
                .insert([new, &key[old.len()..]].concat(), content);
        }
    }

    fn apply(&mut self, edit: &Edit) {
        let is_local = edit.is_local;
        let mut folders: Vec<Key> = vec![Vec::new()];
        folders.extend(
            (self.items.iter())
                .filter(|(_, content)| content.is_none())
                .map(|(key, _)| key.clone()),
        );
        let all: Vec<Key> = self.items.keys().cloned().collect();
        let folder = folders[usize::from(edit.other) % folders.len()].clone();
        let Some(item) = Self::pick(&all, edit.other).cloned() else {
            if edit.what > 5 {
                return;
            }
            return self.make(&folder, edit);
        };
        let drive = &self.world.drive;
        match edit.what {
            0..=5 => self.make(&folder, edit),
            6 | 7 => {
                // The service takes no content under such a name.
                let is_refused = is_local && item.last() == Some(&part_key(SLASHED));
                if self.items[&item].is_some() && !is_refused && self.claim(&[&item[0]], is_local) {
                    let parts = self.spelt(&item, is_local);
                    self.write(&parts, is_local);
                }
            }
            8 | 9 => {
                let (_, above) = item.split_last().unwrap();
                let Some(name) = self.free_name(above, edit) else {
                    return;
                };
                if name == SLASHED || item.last().unwrap() == &part_key(SLASHED) {
                    return;
                }
                let new = [above, &[part_key(&name)]].concat();
                if !self.claim(&[&item[0], &new[0]], is_local) {
                    return;
                }
                let parts = self.spelt(&item, is_local);
                if is_local {
                    let to = self.path(&parts).with_file_name(&name);
                    fs::rename(self.path(&parts), to).unwrap();
                } else {
                    self.world.drive.rename(&parts, &name).unwrap();
                }
                self.rekey(&item, &new);
            }
            10 => {
                let (last, above) = item.split_last().unwrap();
                let taken = folders
                    .iter()
                    .any(|key| *key == [folder.as_slice(), std::slice::from_ref(last)].concat());
                let new = [folder.as_slice(), std::slice::from_ref(last)].concat();
                let is_free = !self.items.keys().any(|key| {
                    key.split_last().is_some_and(|(name, up)| {
                        up == folder && name.to_lowercase() == last.to_lowercase()
                    })
                });
                if taken
                    || above == folder
                    || folder.starts_with(&item)
                    || !is_free
                    || last == &part_key(SLASHED)
                {
                    return;
                }
                if !self.claim(&[&item[0], &new[0]], is_local) {
                    return;
                }
                let (from, to) = (self.spelt(&item, is_local), self.spelt(&folder, is_local));
                if is_local {
                    let target = self.path(&to).join(from.last().unwrap());
                    fs::rename(self.path(&from), target).unwrap();
                } else {
                    self.world.drive.move_to(&from, &to).unwrap();
                }
                self.rekey(&item, &new);
            }
            _ => {
                if !self.claim(&[&item[0]], is_local) {
                    return;
                }
                let parts = self.spelt(&item, is_local);
                if !is_local {
                    drive.trash(&parts).unwrap();
                } else if self.items[&item].is_some() {
                    fs::remove_file(self.path(&parts)).unwrap();
                } else {
                    fs::remove_dir_all(self.path(&parts)).unwrap();
                }
                self.items.retain(|key, _| !key.starts_with(&item));
            }
        }
    }

    fn make(&mut self, folder: &[String], edit: &Edit) {
        let Some(name) = self.free_name(folder, edit) else {
            return;
        };
        let top = folder.first().cloned().unwrap_or_else(|| part_key(&name));
        if folder.len() > 3 || !self.claim(&[&top], edit.is_local) {
            return;
        }
        let mut parts = self.spelt(folder, edit.is_local);
        parts.push(name.clone());
        if edit.what < 4 || name == SLASHED {
            return self.write(&parts, edit.is_local);
        }
        if edit.is_local {
            fs::create_dir(self.path(&parts)).unwrap();
        } else {
            self.world.drive.mkdir(&parts).unwrap();
        }
        self.items.insert(key(&parts), None);
    }

    /// Runs a pass, and expects that both sides are as the test believes, that nothing is left to do, and that no side
    /// got another spelling.
    fn settle(&mut self) {
        let before = [local_side(self.world), remote_side(self.world)];
        self.world.pass("bisync", &["--force"]).code(0);
        let after = [local_side(self.world), remote_side(self.world)];
        for (before, after) in before.iter().zip(&after) {
            let found: BTreeMap<_, _> = (after.iter())
                .map(|(key, (_, content))| (key.clone(), content.clone()))
                .collect();
            assert_eq!(found, self.items);
            for (key, (parts, _)) in before {
                if !self.touched.contains_key(&key[0]) {
                    assert_eq!(
                        after.get(key).map(|(parts, _)| parts),
                        Some(parts),
                        "another spelling"
                    );
                }
            }
        }
        self.world.expect_quiet("bisync");
        self.touched.clear();
    }
}

fn play(rounds: &[Vec<Edit>]) {
    let world = World::new();
    let mut model = Model {
        world: &world,
        items: BTreeMap::new(),
        touched: BTreeMap::new(),
        writes: 0,
    };
    for edits in rounds {
        for edit in edits {
            model.apply(edit);
        }
        model.settle();
    }
}

/// A few worlds in each run; `NAMES_CASES=500 NAMES_SEED=2 cargo test --test passes strange_names` plays more and others.
#[test]
fn strange_names_come_over_and_keep_their_spelling() {
    let number = |name: &str, default: u32| {
        std::env::var(name).map_or(default, |text| text.parse().unwrap())
    };
    let config = Config {
        cases: number("NAMES_CASES", 6),
        failure_persistence: None,
        max_shrink_iters: 60,
        ..Config::default()
    };
    let mut seed = [0; 32];
    seed[..4].copy_from_slice(&number("NAMES_SEED", 1).to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let worlds = vec(vec(edit(), 4..40), 1..5);
    runner
        .run(&worlds, |rounds| {
            play(&rounds);
            Ok(())
        })
        .unwrap();
}

/// Each name in each form, made on each side, in one pass.
#[test]
fn each_name_is_made_on_either_side_in_either_form() {
    for is_decomposed in [false, true] {
        for is_local in [false, true] {
            let count = u16::try_from(names().len()).unwrap();
            let edits = (0..count).map(|one| Edit {
                is_local,
                what: 0,
                one,
                other: 0,
                is_decomposed,
            });
            play(&[edits.collect()]);
        }
    }
}

#[test]
fn two_spellings_of_one_name_are_one_item() {
    let world = World::new();
    let (nfc, nfd) = ("caf\u{e9}", "cafe\u{301}");
    world.write(nfd, "the same");
    world.drive.write(nfc, "the same").unwrap();
    world.pass("bisync", &[]).code(0);
    assert_eq!(world.count("update/documents"), 0);
    let names = |tree: super::world::Tree| tree.into_keys().collect::<BTreeSet<_>>();
    assert_eq!(names(world.local_tree()), BTreeSet::from([nfd.to_owned()]));
    assert_eq!(names(world.remote_tree()), BTreeSet::from([nfc.to_owned()]));
    world.write(nfd, "changed here");
    world.pass("bisync", &[]).code(0);
    assert_eq!(world.drive.read(nfc).unwrap(), "changed here");
    world.drive.write(nfc, "changed there").unwrap();
    world.pass("bisync", &[]).code(0);
    assert_eq!(world.read(nfd), "changed there");
    world.expect_quiet("bisync");
}

#[test]
fn content_is_not_sent_under_a_name_with_a_slash_until_it_has_another() {
    let world = World::new();
    world
        .drive
        .write(&[SLASHED.to_owned()][..], "from there")
        .unwrap();
    world.pass("bisync", &[]).code(0);
    let here = part_key(SLASHED);
    world.write(&here, "changed here");
    for verb in ["bisync", "push"] {
        let ran = world.pass(verb, &[]).code(3);
        assert!(ran.stderr.contains("rename it"), "{}", ran.stderr);
        assert_eq!(world.count("upload/web"), 0);
    }
    fs::rename(
        world.local().join(&here),
        world.local().join("on or off.txt"),
    )
    .unwrap();
    world.pass("bisync", &[]).code(0);
    assert_eq!(world.drive.read("on or off.txt").unwrap(), "changed here");
    world.expect_equal();
    world.expect_quiet("bisync");
}

#[test]
fn a_conflict_under_a_name_with_a_slash_loses_neither_version() {
    for verb in ["push", "bisync"] {
        for policy in ["prefer-newer", "prefer-local", "prefer-remote", "keep-both"] {
            let world = World::new();
            let parts = [SLASHED.to_owned()];
            world.drive.write(&parts[..], "from there").unwrap();
            world.pass("bisync", &[]).code(0);
            world.write(&part_key(SLASHED), "changed here");
            world.drive.write(&parts[..], "changed there").unwrap();
            let mut plans = Vec::new();
            for _ in 0..4 {
                let ran = world.pass(verb, &["--conflict", policy, "--json"]);
                assert!(matches!(ran.code, 0 | 3), "{verb} {policy}: {}", ran.stderr);
                plans.push(ran.stdout.matches("\"type\":\"action\"").count());
                let trees = [world.local_tree(), world.remote_tree(), world.trash()];
                let contents: BTreeSet<_> = trees
                    .into_iter()
                    .flat_map(|tree| tree.into_values().flatten())
                    .collect();
                for version in ["changed here", "changed there"] {
                    assert!(
                        contents.contains(version.as_bytes()),
                        "{verb} {policy}: {version}"
                    );
                }
            }
            assert_eq!(plans.last(), Some(&0), "{verb} {policy}: {plans:?}");
            assert!(
                plans[1..].iter().all(|count| *count == 0),
                "{verb} {policy}: {plans:?}"
            );
        }
    }
}

#[test]
fn an_edit_wins_over_a_deletion_under_a_name_with_a_slash_too() {
    for verb in ["push", "bisync"] {
        let world = World::new();
        let parts = [SLASHED.to_owned()];
        world.drive.write(&parts[..], "from there").unwrap();
        world.drive.write("other", "x").unwrap();
        world.pass("bisync", &[]).code(0);
        world.write(&part_key(SLASHED), "changed here");
        world.drive.trash(&parts[..]).unwrap();
        world.pass(verb, &[]).code(0);
        let there = world.drive.read(&[part_key(SLASHED)][..]).unwrap();
        assert_eq!(there, "changed here");
        world.expect_equal();
        world.expect_quiet(verb);
    }
}

#[test]
fn twins_that_icloud_has_are_edited_and_a_new_one_is_left_alone() {
    let world = World::new();
    for name in ["Readme", "README", "d/x", "d/X"] {
        world.drive.write(name, name).unwrap();
    }
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    world.expect_quiet("bisync");
    world.run(["check", "local", "/"]).code(0);
    world.write("Readme", "edited here");
    world.drive.write("README", "edited there").unwrap();
    fs::remove_file(world.local().join("d/x")).unwrap();
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    assert_eq!(world.read("README"), "edited there");
    assert_eq!(world.drive.read("Readme").unwrap(), &b"edited here"[..]);
    // A third is told of; the two go on.
    world.write("ReadMe", "new");
    world.write("Readme", "edited again");
    world
        .pass("bisync", &[])
        .code(3)
        .says("ReadMe")
        .says("clash");
    assert_eq!(world.drive.read("Readme").unwrap(), &b"edited again"[..]);
    assert!(world.drive.read("ReadMe").is_err());
}

#[test]
fn what_was_renamed_into_a_clash_stays_in_icloud() {
    let world = World::new();
    for name in ["notes.txt", "draft.txt", "d/one", "e/two", "still"] {
        world.write(name, name);
    }
    world.pass("bisync", &[]).code(0);
    let at = |path: &str| world.local().join(path);
    fs::rename(at("draft.txt"), at("NOTES.txt")).unwrap();
    fs::rename(at("e"), at("D")).unwrap();
    for verb in ["bisync", "push", "bisync"] {
        let more: &[&str] = if verb == "push" { &["--delete"] } else { &[] };
        world
            .pass(verb, more)
            .code(3)
            .says("draft.txt")
            .says("it stays in iCloud");
        for path in ["draft.txt", "e/two"] {
            assert!(world.drive.read(path).is_ok(), "{path}");
        }
    }
    // With another name it is what it was.
    let id = world.drive.entry("draft.txt").unwrap().docwsid;
    fs::rename(at("NOTES.txt"), at("draft 2.txt")).unwrap();
    fs::rename(at("D"), at("f")).unwrap();
    world.emulator.clear_requests();
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    assert_eq!(world.count("content POST"), 0);
    assert_eq!(world.drive.entry("draft 2.txt").unwrap().docwsid, id);
}
