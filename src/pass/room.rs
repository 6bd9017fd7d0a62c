//! Whether what a plan moves has room: told before anything is done, of the disk here and of the account's storage there.

use super::{Pass, learned::Learned};
use crate::{
    exec::disk::Disk,
    plan::{Plan, What},
    report::{Event, words},
};

impl Pass<'_> {
    /// Tells what is known of the room for a plan's contents. What does not fit is left when its turn comes.
    pub(super) fn tell_room(&self, plan: &Plan, disk: Option<&Disk>, learned: &Learned) {
        let downloads = (plan.actions.iter()).filter(|action| action.what == What::Download);
        let downloads = downloads.count();
        if let Some(most) = self.options.max_downloads.filter(|most| *most < downloads) {
            let text = format!(
                "{} of {} are made in this pass (--max-downloads), the others by later ones",
                words::grouped(most),
                words::count(downloads, "download")
            );
            self.tools.reporter.event(&Event::Note(&text));
        }
        if let Some(text) = self.too_little_here(plan, disk) {
            self.tools.reporter.event(&Event::Warning(&text));
        }
        let sends = |what: &What| matches!(what, What::Upload { .. });
        if let Some(when) = learned.full_since()
            && plan.actions.iter().any(|action| sends(&action.what))
        {
            let text = format!(
                "the account's iCloud storage was full when something was last sent ({when}); what does not fit is left here"
            );
            self.tools.reporter.event(&Event::Warning(&text));
        }
    }

    fn too_little_here(&self, plan: &Plan, disk: Option<&Disk>) -> Option<String> {
        let least = self.options.min_free;
        let sizes: Vec<u64> = (plan.actions.iter())
            .filter(|action| action.what == What::Download)
            .map(|action| action.size)
            .collect();
        let is_cut = self
            .options
            .max_downloads
            .is_some_and(|most| most < sizes.len());
        if least == 0 || sizes.is_empty() || is_cut {
            return None;
        }
        let needed: u64 = sizes.iter().sum();
        // Where LOCAL is not made yet, its file system can't be asked.
        let (free, all) = disk?.free_and_all().ok()?;
        if least > all {
            return Some(format!(
                "--min-free is {}, and the whole disk of LOCAL has {}: nothing is downloaded until it is less",
                words::size(least),
                words::size(all)
            ));
        }
        (needed.saturating_add(least) > free).then(|| {
            format!(
                "the downloads need {} here, where {} are free and {} are to stay so (--min-free); what does not fit is left in iCloud",
                words::size(needed),
                words::size(free),
                words::size(least)
            )
        })
    }
}
