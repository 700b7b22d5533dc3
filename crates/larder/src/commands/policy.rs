//! `larder policy`: shows the policies of a server, or sets the one in force.

use super::{connect, print_done};
use crate::cli::PolicyArgs;
use crate::failure::Failure;
use crate::output;
use serde_json::json;

pub(super) fn run(args: &PolicyArgs) -> Result<(), Failure> {
    let mut client = connect(&args.server)?;
    if let Some(name) = &args.name {
        client.set_policy(name)?;
        return print_done(args.server.json, &json!({ "policy": name }));
    }
    let status = client.status()?;
    if args.server.json {
        output::json(&json!({
            "policy": status.policy,
            "is_auto": status.is_auto,
            "policies": status.policies,
        }))?;
        return Ok(());
    }
    let in_force = if status.is_auto { "* (chosen by auto)" } else { "*" };
    for name in &status.policies {
        let mark = if *name == status.policy { in_force } else { "" };
        output::line(format!("{name} {mark}").trim_end())?;
    }
    Ok(())
}
