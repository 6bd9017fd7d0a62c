//! Passes over a million items on each side: seconds, and under 1 GiB.

use crate::{
    Any, Options,
    reach::Reach,
    table::Table,
    tree::Tree,
    world::{Service, World},
};

/// Makes two equal trees of empty files, a hundred to a folder, and runs a first bisync and a no-change one over them. The files are empty
/// so that the figures are those of listings, plan and baseline: no content is asked for.
pub(crate) fn run(options: &Options, table: &mut Table) -> Any<()> {
    let world = World::new(options)?;
    let folders = options.items.div_ceil(100);
    let tree = Tree {
        folders,
        files: options.items - folders,
        sizes: (0, 0),
    };
    let local = world.path("local");
    tree.write(&local)?;
    tree.upload(&world.drive)?;
    for name in ["first", "no change"] {
        let job = format!("million, {name}");
        let one = world.pass(Service::AT_ONCE, "bisync", &local, "/", &[])?;
        let reach = [Reach::memory(one.ran.peak_bytes, 1_024)];
        table.row(&job, 0, "icloud-sync", &one, &reach);
    }
    Ok(())
}
