//! Laws that hold in any world (design section 2, style section 7), tried on random ones.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, prelude::*, test_runner::Config};

use super::{
    simulate::{Run, check_form, finish, settle},
    world::{Local, Remote, World},
};
use crate::{
    plan::{Delete, Plan, Policy, Rules, Side, Verb},
    tree::{Kind, RelPath, Zone},
};

/// Something that a user does on one side; the numbers pick what, which item and where to.
type Edit = (u8, u8, u8);

/// What happens between two passes, and the pass.
#[derive(Debug, Clone)]
struct Round {
    local: Vec<Edit>,
    remote: Vec<Edit>,
    rules: Rules,
    hidden: u8,
}

const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "a", "A", "h"];

/// Returns a time that is near that of some other contents, but for those that only time and size can tell.
fn time_of(content: u32) -> i64 {
    if is_unverifiable(content) {
        return i64::from(content) * 50_000 + 5_000;
    }
    i64::from(content * 37 % 20) * 10_000 + i64::from(content % 900)
}

fn is_unverifiable(content: u32) -> bool {
    content % 11 == 10
}

/// One side's tree of either kind, for edits.
trait Node: Clone {
    fn tree(world: &mut World) -> &mut BTreeMap<RelPath, Self>;
    fn kind(&self) -> Kind;
    fn new(world: &mut World, kind: Kind, content: u32, zone: Zone) -> Self;
    fn set_content(&mut self, content: u32);
    fn touch(&mut self);
    fn new_identity(&mut self, world: &mut World, zone: Zone);
    fn zone(&self) -> Zone;
    fn is_fixed(&self) -> bool;
}

impl Node for Local {
    fn tree(world: &mut World) -> &mut BTreeMap<RelPath, Self> {
        &mut world.local
    }
    fn kind(&self) -> Kind {
        self.kind
    }
    fn new(world: &mut World, kind: Kind, content: u32, _: Zone) -> Self {
        Self {
            kind,
            content,
            mtime_ms: time_of(content),
            inode: world.next(),
        }
    }
    fn set_content(&mut self, content: u32) {
        self.content = content;
        self.mtime_ms = time_of(content);
    }
    fn touch(&mut self) {
        self.mtime_ms += 3_333;
    }
    fn new_identity(&mut self, world: &mut World, _: Zone) {
        self.inode = world.next();
    }
    fn zone(&self) -> Zone {
        Zone::drive()
    }
    fn is_fixed(&self) -> bool {
        false
    }
}

impl Node for Remote {
    fn tree(world: &mut World) -> &mut BTreeMap<RelPath, Self> {
        &mut world.remote
    }
    fn kind(&self) -> Kind {
        self.kind
    }
    fn new(world: &mut World, kind: Kind, content: u32, zone: Zone) -> Self {
        Self {
            kind,
            content,
            modified_ms: time_of(content),
            id: world.new_id(zone),
            version: [1, content],
            is_fixed: false,
            is_unverifiable: is_unverifiable(content),
        }
    }
    fn set_content(&mut self, content: u32) {
        self.content = content;
        self.modified_ms = time_of(content);
        self.version = [self.version[0] + 1, content];
        self.is_unverifiable = is_unverifiable(content);
    }
    fn touch(&mut self) {
        self.version[0] += 1;
    }
    fn new_identity(&mut self, world: &mut World, zone: Zone) {
        self.id = world.new_id(zone);
    }
    fn zone(&self) -> Zone {
        self.id.zone.clone()
    }
    fn is_fixed(&self) -> bool {
        self.is_fixed
    }
}

fn zone_at<N: Node>(world: &mut World, folder: Option<&RelPath>) -> Zone {
    folder
        .and_then(|folder| N::tree(world).get(folder).map(N::zone))
        .unwrap_or_else(Zone::drive)
}

fn pick<N: Node>(world: &mut World, which: u8) -> Option<RelPath> {
    let tree = N::tree(world);
    let nth = usize::from(which) % tree.len().max(1);
    tree.keys().nth(nth).cloned()
}

/// Picks a folder and a name in it.
fn pick_place<N: Node>(world: &mut World, at: u8) -> Option<RelPath> {
    let folders: Vec<Option<RelPath>> = (N::tree(world).iter())
        .filter(|(path, node)| node.kind() == Kind::Folder && path.depth() < 4)
        .map(|(path, _)| Some(path.clone()))
        .chain([None])
        .rev()
        .collect();
    let folder = &folders[usize::from(at / 8) % folders.len()];
    RelPath::within(folder.as_ref(), NAMES[usize::from(at % 8)]).ok()
}

fn take<N: Node>(world: &mut World, at: &RelPath) -> Vec<(String, N)> {
    let tree = N::tree(world);
    let keys: Vec<RelPath> = tree
        .keys()
        .filter(|path| path.is_at_or_under(at))
        .cloned()
        .collect();
    keys.iter()
        .filter_map(|key| {
            let rest = key.as_str().strip_prefix(at.as_str())?.to_owned();
            Some((rest, tree.remove(key)?))
        })
        .collect()
}

/// Puts a subtree down; across zones the service makes new items.
fn put<N: Node>(world: &mut World, at: &RelPath, items: Vec<(String, N)>) {
    let zone = zone_at::<N>(world, at.parent().as_ref());
    for (rest, mut node) in items {
        if node.zone() != zone && !node.is_fixed() {
            node.new_identity(world, zone.clone());
        }
        N::tree(world).insert(RelPath::parse(&format!("{at}{rest}")).unwrap(), node);
    }
}

fn holds_fixed<N: Node>(world: &mut World, at: &RelPath) -> bool {
    (N::tree(world).iter()).any(|(path, node)| path.is_at_or_under(at) && node.is_fixed())
}

fn edit<N: Node>(world: &mut World, (what, which, at): Edit) {
    let fresh = |world: &mut World| {
        if at % 3 == 0 {
            u32::from(at % 7)
        } else {
            u32::try_from(world.next()).unwrap() % 900
        }
    };
    let what = what % 20;
    if what < 5 {
        let Some(place) = pick_place::<N>(world, which) else {
            return;
        };
        if N::tree(world).contains_key(&place) {
            return;
        }
        let zone = zone_at::<N>(world, place.parent().as_ref());
        let (kind, content) = if what < 3 {
            (Kind::File, fresh(world))
        } else {
            (Kind::Folder, 0)
        };
        let node = N::new(world, kind, content, zone);
        N::tree(world).insert(place, node);
        return;
    }
    let Some(from) = pick::<N>(world, which) else {
        return;
    };
    let kind = N::tree(world)[&from].kind();
    if holds_fixed::<N>(world, &from) {
        return;
    }
    match what {
        5 | 6 if kind != Kind::Folder => {
            let content = fresh(world);
            let node = N::tree(world).get_mut(&from).unwrap();
            if kind == Kind::File || content != 0 {
                node.set_content(content);
            }
        }
        7 => N::tree(world).get_mut(&from).unwrap().touch(),
        8 | 9 => drop(take::<N>(world, &from)),
        10..=13 => {
            let place = if what == 10 {
                RelPath::within(from.parent().as_ref(), NAMES[usize::from(at % 8)]).ok()
            } else {
                pick_place::<N>(world, at)
            };
            let Some(to) = place else { return };
            if to.is_at_or_under(&from) || from.is_at_or_under(&to) || holds_fixed::<N>(world, &to)
            {
                return;
            }
            if N::tree(world).contains_key(&to) {
                if what < 13 {
                    return;
                }
                take::<N>(world, &to);
            }
            let items = take::<N>(world, &from);
            put(world, &to, items);
        }
        14 | 15 => {
            let Some(other) = pick::<N>(world, at) else {
                return;
            };
            if other.is_at_or_under(&from)
                || from.is_at_or_under(&other)
                || holds_fixed::<N>(world, &other)
            {
                return;
            }
            let (one, two) = (take::<N>(world, &from), take::<N>(world, &other));
            put(world, &other, one);
            put(world, &from, two);
        }
        16 => {
            // A folder and one that it is in change places.
            let Some(parent) = from.parent() else { return };
            if holds_fixed::<N>(world, &parent) || kind != Kind::Folder {
                return;
            }
            let inner = take::<N>(world, &from);
            let outer = take::<N>(world, &parent);
            put(world, &parent, inner);
            put(world, &parent.join(from.name()).unwrap(), outer);
        }
        17 => {
            take::<N>(world, &from);
            let zone = zone_at::<N>(world, from.parent().as_ref());
            let (kind, content) = if kind == Kind::Folder {
                (Kind::File, fresh(world))
            } else {
                (Kind::Folder, 0)
            };
            let node = N::new(world, kind, content, zone);
            N::tree(world).insert(from, node);
        }
        18 | 19 => {
            let mut node = N::tree(world)[&from].clone();
            let zone = node.zone();
            node.new_identity(world, zone);
            if what == 18 && kind == Kind::File {
                let content = fresh(world);
                node.set_content(content);
            }
            N::tree(world).insert(from, node);
        }
        _ => {}
    }
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    vec((0_u8..20, any::<u8>(), any::<u8>()), 0..5)
}

fn rules() -> impl Strategy<Value = Rules> {
    let verb = prop_oneof![
        Just(Verb::Bisync),
        Just(Verb::Bisync),
        Just(Verb::Pull),
        Just(Verb::Push)
    ];
    let policy = prop_oneof![
        Just(Policy::PreferNewer),
        Just(Policy::PreferLocal),
        Just(Policy::PreferRemote),
        Just(Policy::KeepBoth),
    ];
    let delete = prop_oneof![
        Just(Delete::Nothing),
        Just(Delete::SinceBaseline),
        Just(Delete::Extra),
    ];
    (verb, policy, delete, any::<bool>()).prop_map(|(verb, policy, delete, checksum)| Rules {
        verb,
        policy,
        delete,
        checksum,
    })
}

fn round() -> impl Strategy<Value = Round> {
    (edits(), edits(), rules(), 0_u8..8).prop_map(|(local, remote, rules, hidden)| Round {
        local,
        remote,
        rules,
        hidden,
    })
}

/// A first tree, on the local side or on both, and rounds of edits and passes.
fn story() -> impl Strategy<Value = (Vec<Edit>, bool, Vec<Round>)> {
    (
        vec((0_u8..5, any::<u8>(), any::<u8>()), 0..14),
        any::<bool>(),
        vec(round(), 1..4),
    )
}

const BISYNC: Rules = Rules {
    verb: Verb::Bisync,
    policy: Policy::PreferNewer,
    delete: Delete::Nothing,
    checksum: false,
};

fn contents(world: &World) -> BTreeSet<u32> {
    let local = world
        .local
        .values()
        .filter(|node| node.kind != Kind::Folder);
    let remote = world
        .remote
        .values()
        .filter(|node| node.kind != Kind::Folder);
    local
        .map(|node| node.content)
        .chain(remote.map(|node| node.content))
        .collect()
}

fn kept_somewhere(world: &World) -> BTreeSet<u32> {
    let gone = world.trash.iter().flatten().chain(&world.superseded);
    contents(world).into_iter().chain(gone.copied()).collect()
}

fn hidden_items(world: &World) -> BTreeSet<String> {
    let local = world.local.iter().filter(|(path, _)| world.hides(path));
    let remote = world.remote.iter().filter(|(path, _)| world.hides(path));
    local
        .map(|(_, node)| format!("{} {}", node.inode, node.content))
        .chain(remote.map(|(_, node)| format!("{:?} {}", node.id, node.content)))
        .collect()
}

/// Nothing that was on a side is nowhere now.
pub(super) fn check_nothing_lost(before: &World, after: &World) -> Result<(), String> {
    let kept = kept_somewhere(after);
    let lost: Vec<_> = contents(before).difference(&kept).copied().collect();
    if lost.is_empty() {
        Ok(())
    } else {
        Err(format!("DATA LOSS: {lost:?}"))
    }
}

fn check_sides(plan: &Plan, verb: Verb) -> Result<(), String> {
    for action in &plan.actions {
        let is_allowed = match verb {
            Verb::Bisync => true,
            Verb::Pull => action.side() == Side::Local,
            Verb::Push => action.side() == Side::Remote,
        };
        if !is_allowed {
            return Err(format!(
                "{} writes to the wrong side: {action:?}",
                verb.as_str()
            ));
        }
    }
    Ok(())
}

/// Carries a whole plan out; within a stage in another order than the plan's.
pub(super) fn carry_out(world: &mut World, plan: &Plan) -> Result<(), String> {
    check_form(plan)?;
    settle(world, &plan.settled)?;
    let mut run = Run::new(plan, world);
    let mut order: Vec<usize> = (0..plan.actions.len()).collect();
    order.sort_by_key(|number| (plan.actions[*number].stage, usize::MAX - number));
    for number in order {
        let result = run.act(world, number);
        // A filter by path may hide what stands in the way; the real sides refuse as these do.
        if let Err(why) = result
            && !world.has_path_rule()
        {
            let action = &plan.actions[number];
            return Err(format!(
                "action {number}, {:?} {}: {why}",
                action.what, action.path
            ));
        }
    }
    finish(world, true);
    Ok(())
}

/// One pass, with all laws that hold in any one.
pub(super) fn pass(world: &mut World, rules: Rules) -> Result<Plan, String> {
    let before = world.clone();
    let plan = world.plan(rules);
    let is_path_rule = world.has_path_rule();
    check_sides(&plan, rules.verb)?;
    let told = |why: String| {
        format!(
            "{why}\n  base   {}\n  local  {}\n  remote {}\n  {rules:?} hidden {:?}\n{}",
            before.show_base(),
            before.show_ids(Side::Local),
            before.show_ids(Side::Remote),
            before.hidden,
            super::show(&plan).join("\n"),
        )
    };
    carry_out(world, &plan).map_err(told)?;
    check_nothing_lost(&before, world).map_err(told)?;
    if !is_path_rule && hidden_items(&before) != hidden_items(world) {
        return Err(told("hidden items changed".to_owned()));
    }
    let is_whole = before.left.iter().all(Vec::is_empty);
    if rules.verb == Verb::Bisync && plan.kept.is_empty() && !is_path_rule && is_whole {
        let (local, remote) = (world.show(Side::Local), world.show(Side::Remote));
        if local != remote {
            return Err(told(format!("the sides differ:\n  {local}\n  {remote}")));
        }
    }
    let mut again = world.plan(rules);
    // What a moved folder brings into view is seen by the next pass only; a problem may be over; and what pull and
    // push leave at a name that another item takes is not known any more.
    let is_patient = is_path_rule || !plan.kept.is_empty();
    if is_patient && !again.actions.is_empty() {
        for _ in 0..3 {
            carry_out(world, &again).map_err(told)?;
            again = world.plan(rules);
        }
    }
    let has_problem = plan.kept.iter().any(|kept| kept.is_problem);
    let is_quiet = again.actions.is_empty();
    if !is_quiet && (!is_path_rule || !has_problem) {
        return Err(told(format!(
            "not quiet:\n  base   {}\n  local  {}\n  remote {}\n{}",
            world.show_base(),
            world.show_ids(Side::Local),
            world.show_ids(Side::Remote),
            super::show(&again).join("\n")
        )));
    }
    Ok(plan)
}

fn set_hidden(world: &mut World, which: u8) {
    let rules: &[&str] = match which {
        0 | 1 => &["h"],
        2 => &["/a/b"],
        3 => &["h", "/c"],
        _ => &[],
    };
    world.hidden = rules.iter().map(|&rule| rule.to_owned()).collect();
}

fn start(first: &[Edit], is_remote: bool) -> World {
    let mut world = World::default();
    if is_remote {
        let mut library = Remote::new(&mut world, Kind::Folder, 0, Zone::new("K"));
        library.is_fixed = true;
        world.remote.insert(RelPath::top("d").unwrap(), library);
    }
    for one in first {
        if is_remote {
            edit::<Remote>(&mut world, *one);
        } else {
            edit::<Local>(&mut world, *one);
        }
    }
    world
}

fn tell(first: &[Edit], is_remote: bool, rounds: &[Round]) -> Result<(), String> {
    let mut world = start(first, is_remote);
    let mut before = Vec::new();
    let mut step = |world: &mut World, rules: Rules| {
        before.push(format!(
            "  local  {}\n  remote {}\n  {rules:?}",
            world.show_ids(Side::Local),
            world.show_ids(Side::Remote)
        ));
        let plan = pass(world, rules).map_err(|why| format!("{}\n{why}", before.join("\n")))?;
        before.extend(super::show(&plan));
        Ok::<(), String>(())
    };
    step(&mut world, BISYNC)?;
    for round in rounds {
        edit_both(&mut world, round);
        step(&mut world, round.rules)?;
    }
    Ok(())
}

fn edit_both(world: &mut World, round: &Round) {
    for one in &round.local {
        edit::<Local>(world, *one);
    }
    for one in &round.remote {
        edit::<Remote>(world, *one);
    }
    set_hidden(world, round.hidden);
}

fn config() -> Config {
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(300);
    Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 4_000,
        max_shrink_time: 20_000,
        ..Config::default()
    }
}

/// Does only some of a plan's actions, as after a signal, a crash or failures; what can't be done then is skipped.
fn do_some(
    world: &mut World,
    plan: &Plan,
    is_chosen: impl Fn(usize) -> bool,
) -> Result<(), String> {
    settle(world, &plan.settled)?;
    let mut run = Run::new(plan, world);
    for number in 0..plan.actions.len() {
        if is_chosen(number)
            && let Err(why) = run.act(world, number)
            && why.contains("DATA LOSS")
        {
            return Err(why);
        }
    }
    finish(world, false);
    Ok(())
}

fn tell_with_breaks(
    first: &[Edit],
    is_remote: bool,
    rounds: &[(Round, u32)],
) -> Result<(), String> {
    let mut world = start(first, is_remote);
    pass(&mut world, BISYNC)?;
    for (round, which) in rounds {
        edit_both(&mut world, round);
        let before = world.clone();
        let plan = world.plan(round.rules);
        let told = |why: String| {
            format!(
                "{why}\n  broken: {which:x}\n  base   {}\n  local  {}\n  remote {}\n  {:?}\n{}",
                before.show_base(),
                before.show_ids(Side::Local),
                before.show_ids(Side::Remote),
                round.rules,
                super::show(&plan).join("\n"),
            )
        };
        let is_chosen = |number: usize| {
            if which.is_multiple_of(2) {
                number < (*which as usize >> 1) % (plan.actions.len() + 1)
            } else {
                (which >> (1 + number % 30)) & 3 != 0
            }
        };
        do_some(&mut world, &plan, is_chosen).map_err(told)?;
        check_nothing_lost(&before, &world).map_err(told)?;
        pass(&mut world, round.rules).map_err(told)?;
        check_nothing_lost(&before, &world).map_err(told)?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_pass_may_end_anywhere((first, is_remote, rounds) in story(), breaks in vec(any::<u32>(), 4)) {
        let rounds: Vec<(Round, u32)> = rounds.into_iter().zip(breaks).collect();
        if let Err(why) = tell_with_breaks(&first, is_remote, &rounds) {
            prop_assert!(false, "{}", why);
        }
    }

    #[test]
    fn a_plan_depends_on_nothing_but_its_input((first, is_remote, rounds) in story()) {
        let mut world = start(&first, is_remote);
        pass(&mut world, BISYNC).map_err(TestCaseError::fail)?;
        for round in &rounds {
            edit_both(&mut world, round);
            let plan = world.plan(round.rules);
            let mut reversed = world.clone();
            reversed.base.reverse();
            prop_assert_eq!(&plan, &reversed.plan(round.rules));
        }
    }

    #[test]
    fn every_pass_keeps_the_laws((first, is_remote, rounds) in story()) {
        if let Err(why) = tell(&first, is_remote, &rounds) {
            prop_assert!(false, "{}", why);
        }
    }
}
