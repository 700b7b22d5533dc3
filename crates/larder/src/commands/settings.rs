//! The flags of `serve` and `config`: one for each setting of the server, made from its table, and `--config` for the file.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, builder::ValueParser};
use larder_server::config::{self, ConfigErrors, Reading, Resolved, SETTINGS, Setting, Sources};

/// What the command line says about the configuration.
pub(crate) struct SettingArgs {
    file: Option<PathBuf>,
    flags: Vec<(&'static Setting, Vec<String>)>,
}

impl SettingArgs {
    /// The configuration that the defaults, the file, the environment and these flags make together.
    ///
    /// # Errors
    ///
    /// Everything that is wrong in any of them.
    pub(crate) fn resolve(self) -> Result<Resolved, ConfigErrors> {
        config::resolve(&self.sources())
    }

    /// The same, with what can be read where something is wrong.
    pub(crate) fn read(self) -> Reading {
        config::read(&self.sources())
    }

    fn sources(self) -> Sources<'static> {
        Sources { file: self.file, variable: &Sources::environment, flags: self.flags }
    }
}

impl Args for SettingArgs {
    fn augment_args(command: Command) -> Command {
        let file = Arg::new("config")
            .long("config")
            .short('c')
            .value_name("FILE")
            .env("LARDER_CONFIG")
            .value_parser(ValueParser::path_buf())
            .help("Read settings from FILE: TOML, or a PaperCache file (.pconf)");
        command.arg(file).args(SETTINGS.iter().map(arg))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn arg(setting: &'static Setting) -> Arg {
    let default = if setting.default.is_empty() { "none" } else { setting.default };
    let help = format!("{} [{}] [default: {default}]", setting.help, setting.variable);
    let arg = Arg::new(setting.key).long(setting.flag).value_name(setting.value_name).help(help);
    match (setting.is_list(), setting.is_switch()) {
        (true, _) => arg.action(ArgAction::Append),
        (false, true) => arg.num_args(0..=1).require_equals(true).default_missing_value("true"),
        (false, false) => arg,
    }
}

impl FromArgMatches for SettingArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<SettingArgs, clap::Error> {
        let given = |setting: &'static Setting| {
            let values = matches.get_many::<String>(setting.key)?.cloned().collect();
            Some((setting, values))
        };
        Ok(SettingArgs {
            file: matches.get_one::<PathBuf>("config").cloned(),
            flags: SETTINGS.iter().filter_map(given).collect(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = SettingArgs::from_arg_matches(matches)?;
        Ok(())
    }
}
