//! Where LOCAL and REMOTE are, and whether they are what they were the last time.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use crate::{
    cloud::{FolderAnswer, Remote, until_free},
    crash,
    error::{Error, Kind as ErrorKind, Result},
    options::{PassOptions, Shares},
    plan::Verb,
    scan::remote::resolve,
    state::{Pair, PairFiles, baseline::Baseline, hash, trash::Trash},
    tree::{DocId, Kind, RelPath, RemoteId, Zone, local_name},
};

/// Where LOCAL and REMOTE are.
pub(super) struct Places {
    /// LOCAL, absolute, links resolved as far as it exists.
    pub(super) local: PathBuf,
    /// Whether LOCAL is there.
    has_local: bool,
    /// REMOTE, where it is there.
    pub(super) remote: Option<RemoteId>,
    /// The trash of this pass.
    pub(super) trash: Trash,
}

fn usage(text: String) -> Error {
    Error::new(ErrorKind::Usage, text)
}

/// Resolves links as far as the path exists.
///
/// # Errors
/// `Usage` below a file; `Local` where it can't be looked at.
pub(super) fn resolve_local(path: &Path) -> Result<PathBuf> {
    let fail = |error| Error::io(format!("cannot look at {}", path.display()), error);
    let mut there = std::path::absolute(path).map_err(fail)?;
    let mut rest: Vec<OsString> = Vec::new();
    loop {
        match fs::canonicalize(&there) {
            Ok(mut found) => {
                found.extend(rest.iter().rev());
                return Ok(found);
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let name = there.file_name().map(OsString::from);
                let (Some(name), Some(parent)) = (name, there.parent()) else {
                    return Err(fail(error));
                };
                rest.push(name);
                there = parent.to_path_buf();
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
                return Err(usage(format!(
                    "LOCAL \"{}\" lies below a file",
                    path.display()
                )));
            }
            Err(error) => return Err(fail(error)),
        }
    }
}

impl Places {
    /// Finds both.
    ///
    /// # Errors
    /// `Usage` where LOCAL or REMOTE can't be one; whatever keeps REMOTE from being looked up.
    pub(super) fn find(options: &PassOptions, remote: &dyn Remote) -> Result<Self> {
        let local = resolve_local(&options.local)?;
        let has_local = match fs::metadata(&local) {
            Ok(metadata) if metadata.is_dir() => true,
            Ok(_) => {
                return Err(
                    usage(format!("LOCAL \"{}\" is a file", options.local.display()))
                        .with_hint("give the folder that is to be kept in step"),
                );
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
            Err(error) => {
                return Err(Error::io(
                    format!("cannot look at LOCAL \"{}\"", options.local.display()),
                    error,
                ));
            }
        };
        if local.parent().is_none() {
            return Err(usage("LOCAL \"/\" is the whole system".to_owned())
                .with_hint("give the folder that is to be kept in step"));
        }
        if local.starts_with(resolve_local(&options.state_dir)?) {
            let text = format!(
                "LOCAL \"{}\" lies in the program's own state folder \"{}\"",
                options.local.display(),
                options.state_dir.display()
            );
            return Err(usage(text).with_hint("give another folder"));
        }
        let remote = if options.remote == "/" {
            Some(RemoteId::root())
        } else if options.no_remote {
            None
        } else {
            resolve(remote, &options.remote)?.map(|node| node.id)
        };
        let trash = super::new_trash(options, &local)?;
        Ok(Self {
            local,
            has_local,
            remote,
            trash,
        })
    }

    /// Takes REMOTE to be where the baseline has it.
    pub(super) fn recall(&mut self, base: &Baseline) {
        let known = base.pair.as_ref();
        self.remote = known.and_then(|pair| RemoteId::from_drivewsid(&pair.remote_id));
    }

    /// Returns LOCAL where it is there.
    pub(super) fn existing_local(&self) -> Option<PathBuf> {
        self.has_local.then(|| self.local.clone())
    }

    /// Returns whether REMOTE was there when the pass began.
    pub(super) fn has_remote(&self) -> bool {
        self.remote.is_some()
    }

    /// Guards 3 and 5: LOCAL and REMOTE are there, and they and the account are those of the baseline.
    ///
    /// # Errors
    /// `Guard`; on a first pass `Usage` where something is missing that the verb does not make.
    pub(super) fn check_against(
        &self,
        base: &Baseline,
        options: &PassOptions,
        account: &str,
        files: &PairFiles,
    ) -> Result<()> {
        let shown = options.local.display();
        let Some(pair) = &base.pair else {
            if !self.has_local && options.verb != Verb::Pull {
                return Err(usage(format!("LOCAL \"{shown}\" does not exist"))
                    .with_hint("make the folder, or give another one"));
            }
            if !self.has_remote() && options.verb == Verb::Pull {
                let text = format!(
                    "REMOTE \"{}\" does not exist in iCloud Drive",
                    options.remote
                );
                return Err(usage(text).with_hint("`icloud-sync ls` shows what there is"));
            }
            return Ok(());
        };
        let guard =
            |text: String, hint: &str| Err(Error::new(ErrorKind::Guard, text).with_hint(hint));
        // Not the whole folder: what undo needs is in it too.
        let forget = format!(
            "remove {} and, if it is there, {}",
            files.baseline.display(),
            files.journal.display()
        );
        let first = "the next pass is then a first one, which joins both sides and deletes nothing";
        let own = match &options.state_file {
            None => "",
            Some(_) => ", and a STATE_FILE of its own",
        };
        let moved = |what: &str| format!("was moved or renamed, give its new path as {what}{own}");
        // Whose Drive it is can't be known where nobody is asked.
        if !options.no_remote && pair.account != hash(&[account]) {
            return guard(
                format!(
                    "guard 5: the baseline of \"{shown}\" belongs to another account; nothing was done"
                ),
                &format!("if this is meant, {forget}: {first}"),
            );
        }
        if pair.local != self.local.to_string_lossy() || pair.remote != options.remote {
            return guard(
                format!(
                    "guard 5: this STATE_FILE belongs to \"{}\" and \"{}\", not to \"{shown}\" and \"{}\"; nothing was done",
                    pair.local, pair.remote, options.remote
                ),
                "give each pair a STATE_FILE of its own, or none",
            );
        }
        if !self.has_local {
            return guard(
                format!(
                    "guard 3: LOCAL \"{shown}\" is missing, and it was there the last time; nothing was done"
                ),
                &format!(
                    "is its disk mounted? If it {}; if it was removed on purpose, {forget}; {first}",
                    moved("LOCAL")
                ),
            );
        }
        let now = Pair::new(account, &self.local, &options.remote, &pair.remote_id)?;
        if !now.is_same_folder(pair) {
            return guard(
                format!(
                    "guard 3: LOCAL \"{shown}\" is another folder or file system than the last time; nothing was done"
                ),
                &format!(
                    "is its disk mounted? If the old folder {}; if this one is meant, {forget}; {first}",
                    moved("LOCAL")
                ),
            );
        }
        match &self.remote {
            None => guard(
                format!(
                    "guard 3: REMOTE \"{}\" is missing, and it was there the last time; nothing was done",
                    options.remote
                ),
                &format!(
                    "if it {}; if it was deleted, it may be in iCloud's Recently Deleted (`icloud-sync trash list`); if a push or bisync is to make it anew, with all that is here, {forget}; {first}",
                    moved("REMOTE")
                ),
            ),
            Some(id) if id.folder_drivewsid() != pair.remote_id => guard(
                format!(
                    "guard 3: REMOTE \"{}\" is another folder than the last time; nothing was done",
                    options.remote
                ),
                &format!(
                    "if the old folder {}; if this one is meant, {forget}; {first}",
                    moved("REMOTE")
                ),
            ),
            Some(_) => Ok(()),
        }
    }

    /// Returns LOCAL, which a first pull makes; `None` where a dry run leaves it missing.
    ///
    /// # Errors
    /// `Local` where it can't be made.
    pub(super) fn make_local(&self, options: &PassOptions) -> Result<Option<PathBuf>> {
        if !self.has_local {
            if options.dry_run {
                return Ok(None);
            }
            crash::step();
            fs::create_dir_all(&self.local).map_err(|error| {
                Error::io(
                    format!("cannot make LOCAL \"{}\"", options.local.display()),
                    error,
                )
            })?;
        }
        Ok(Some(self.local.clone()))
    }

    /// Returns whether LOCAL, and whether REMOTE, is still to be made.
    pub(super) fn missing(&self) -> (bool, bool) {
        (!self.has_local, self.remote.is_none())
    }

    /// Returns REMOTE, which a first push or bisync makes; a dry run only stands in for it.
    ///
    /// # Errors
    /// Whatever keeps it from being made.
    pub(super) fn make_remote(
        &self,
        options: &PassOptions,
        remote: &dyn Remote,
    ) -> Result<RemoteId> {
        if let Some(id) = &self.remote {
            return Ok(id.clone());
        }
        let stand_in = |zone: Zone| RemoteId {
            zone,
            doc: DocId::new("not made yet"),
        };
        if options.no_remote {
            return Ok(stand_in(Zone::drive()));
        }
        let path = RelPath::parse(&options.remote)
            .map_err(|error| usage(format!("REMOTE \"{}\": {error}", options.remote)))?;
        let mut folder = RemoteId::root();
        for part in path.parts() {
            if let Some(id) = find_in(remote, &folder, part)? {
                folder = id;
                continue;
            }
            if let Some(owner) = folder.zone.owner()
                && options.shares != Shares::Write
            {
                let text = format!(
                    "REMOTE \"{}\" does not exist, and would be in what {owner} shares",
                    options.remote
                );
                return Err(Error::new(ErrorKind::Usage, text).with_hint(
                    "with --shares write it is made there; or give a folder that is there",
                ));
            }
            if options.dry_run {
                return Ok(stand_in(folder.zone));
            }
            folder = make_in(remote, &folder, part)?;
        }
        Ok(folder)
    }
}

fn find_in(remote: &dyn Remote, parent: &RemoteId, name: &str) -> Result<Option<RemoteId>> {
    match remote.list(std::slice::from_ref(parent))?.pop() {
        Some(FolderAnswer::Whole { children, .. }) => Ok(children
            .into_iter()
            .find(|node| {
                node.kind == Kind::Folder && local_name(&node.name).ok().as_deref() == Some(name)
            })
            .map(|node| node.id)),
        Some(FolderAnswer::Gone) | None => Err(Error::new(
            ErrorKind::Protocol,
            "a folder of REMOTE is gone meanwhile",
        )),
        Some(FolderAnswer::Odd(why)) => Err(Error::new(ErrorKind::Temporary, why)),
    }
}

fn make_in(remote: &dyn Remote, parent: &RemoteId, name: &str) -> Result<RemoteId> {
    let made =
        until_free(remote, || remote.create_folders(parent, &[name])).and_then(|mut made| {
            made.pop()
                .unwrap_or_else(|| Err(Error::new(ErrorKind::Protocol, "no answer")))
        });
    match made {
        Ok(node) => Ok(node.id),
        // Whoever made it meanwhile, or a lost answer: it is there now.
        Err(error) => find_in(remote, parent, name)?
            .ok_or_else(|| error.in_context(format!("cannot make REMOTE's folder \"{name}\""))),
    }
}
