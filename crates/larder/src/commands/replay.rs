//! `larder replay`: access traces against caches in this process or against a server, and the miss ratio of each policy.

mod picks;

use super::bench::print_latencies;
use crate::cli::ReplayArgs;
use crate::client::{self, Reach, ServerStatus};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::output::{self, counted, grouped, percent, short_count};
use crate::plot::{self, Line, Panel, PlotFile};
use crate::replay::{Local, Picks, Progress, Remote, RemoteOutcome, Run, Tally, Unit};
use crate::server_url::ServerUrl;
use crate::size::Size;
use crate::trace::{TraceReader, WorkingSet};
use larder_engine::{Capacity, PolicyChoice, PolicyName};
use serde_json::{Value, json};
use std::path::Path;

/// Points of a line in a plot: more would be noise.
const PLOT_POINTS: usize = 120;

pub(super) fn run(args: &ReplayArgs) -> Result<(), Failure> {
    let plot = args.plot.as_deref().map(PlotFile::open).transpose()?;
    let panels = match &args.server {
        Some(server) => over_the_wire(args, server)?,
        None => in_process(args)?,
    };
    plot.map_or(Ok(()), |plot| plot.write(&plot::svg(&panels)))
}

fn in_process(args: &ReplayArgs) -> Result<Vec<Panel>, Failure> {
    let policies = match &args.policies[..] {
        [] => PolicyName::all_default().map(PolicyChoice::Fixed).to_vec(),
        given => given.to_vec(),
    };
    let shards = args.shards.or((args.unit == Unit::Entries).then_some(1));
    let mut panels = Vec::new();
    for trace in &args.traces {
        let working_set = working_set(args, trace)?;
        let capacity = args.capacity.resolve(args.unit, &working_set)?;
        let plan = Local { policies: policies.clone(), capacity, shards, honour_ttl: args.ttl };
        let mut reader = TraceReader::open(trace, args.limit)?;
        let progress = Progress::new("replaying");
        let runs = plan.replay(&mut reader, &progress)?;
        drop(progress);
        let name = trace.display().to_string();
        let size = capacity_text(capacity);
        let (tallies, picks): (Vec<Tally>, Vec<Option<Picks>>) =
            runs.into_iter().map(|Run { tally, picks }| (tally, picks)).unzip();
        let runs: Vec<(String, Tally)> = policies.iter().map(ToString::to_string).zip(tallies).collect();
        if args.json {
            for ((policy, tally), picks) in runs.iter().zip(&picks) {
                let mut object = object(&name, policy, capacity, tally);
                if let Some(picks) = picks {
                    object["auto"] = picks::object(picks);
                }
                output::json(&object)?;
            }
        } else {
            output::line(&format!("{name}: {} records, {size}", grouped(reader.records())))?;
            output::line(&miss_table(&runs))?;
            for picks in picks.iter().flatten() {
                output::line(&picks::text(picks))?;
            }
            if panels.len() + 1 < args.traces.len() {
                output::line("")?;
            }
        }
        let mut panel = panel(trace, &size, reader.records(), &runs);
        for (line, picks) in panel.lines.iter_mut().zip(&picks) {
            let switches = picks.iter().flat_map(|picks| &picks.switches);
            line.switches = switches.map(|(at, decision)| (*at as f64, decision.to.to_string())).collect();
        }
        panels.push(panel);
    }
    Ok(panels)
}

/// Reads the trace once, if the capacity is a share of what is in it.
fn working_set(args: &ReplayArgs, trace: &Path) -> Result<WorkingSet, Failure> {
    let mut working_set = WorkingSet::default();
    if args.capacity.needs_working_set() {
        if std::fs::metadata(trace).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
            return Err(Failure::Usage(format!(
                "{}: a capacity that is a share of the trace needs a file, which can be read twice: put the trace into one, or \
                 give --capacity a number",
                trace.display()
            )));
        }
        let mut reader = TraceReader::open(trace, args.limit)?;
        let progress = Progress::new("measuring");
        loop {
            let block = reader.next_block()?;
            if block.is_empty() {
                break;
            }
            working_set.add(&block);
            progress.show(&reader);
        }
    }
    Ok(working_set)
}

fn over_the_wire(args: &ReplayArgs, server: &ServerUrl) -> Result<Vec<Panel>, Failure> {
    if !server.scheme.can_administer() {
        return against_a_bare_server(args, server);
    }
    let runs = args.traces.len() * args.policies.len().max(1);
    if runs > 1 && !args.wipe {
        return Err(Failure::Usage(format!(
            "{runs} runs in one server need --wipe, which deletes everything in it before each: a run would begin with \
             what the one before has left"
        )));
    }
    let reach = args.access.reach(server.clone());
    let before = client::open(&reach)?.status()?;
    let has = |choice: &PolicyChoice| {
        *choice == PolicyChoice::Auto || before.policies.contains(&choice.to_string())
    };
    if let Some(choice) = args.policies.iter().find(|choice| !has(choice)) {
        let policies = before.policies.join(" ");
        return Err(Failure::Negative(format!("{server} has no policy {choice}; it has {policies}")));
    }
    if !args.wipe && before.num_objects > 0 {
        let entries = grouped(before.num_objects);
        note(&format!(
            "{server} holds {entries} entries already, which may be hit; --wipe deletes them first"
        ));
    }
    if args.policies.is_empty() {
        return all_runs(args, server, &reach, None);
    }
    // From here on a signal ends the replay, and then the policy is put back.
    let interrupt = Interrupt::catch().map_err(Failure::EventLoop)?;
    match (all_runs(args, server, &reach, Some(interrupt)), restore_policy(server, &reach, &before)) {
        (Ok(panels), restored) => restored.map(|()| panels),
        (Err(failure), restored) => {
            if let Err(error) = restored {
                note(&format!("the policy cannot be put back: {error}"));
            }
            Err(failure)
        }
    }
}

/// A server that can only store, fetch and delete: what it is like stays unknown, and it is left as it is.
fn against_a_bare_server(args: &ReplayArgs, server: &ServerUrl) -> Result<Vec<Panel>, Failure> {
    if args.wipe || args.ttl || !args.policies.is_empty() || args.traces.len() > 1 {
        return Err(Failure::Usage(format!(
            "{server}: the protocol cannot wipe, set a policy or set times to live, so --wipe, --policy, --ttl and more \
             than one trace need paper://"
        )));
    }
    note(&format!("{server} cannot be asked what it holds already, which may be hit"));
    all_runs(args, server, &args.access.reach(server.clone()), None)
}

fn all_runs(
    args: &ReplayArgs,
    server: &ServerUrl,
    reach: &Reach,
    interrupt: Option<Interrupt>,
) -> Result<Vec<Panel>, Failure> {
    let plan = Remote {
        reach: reach.clone(),
        connections: args.connections as usize,
        pipeline: args.pipeline as usize,
        honour_ttl: args.ttl,
        interrupt,
    };
    let choices: Vec<Option<PolicyChoice>> = match &args.policies[..] {
        [] => vec![None],
        given => given.iter().copied().map(Some).collect(),
    };
    let mut panels = Vec::new();
    for trace in &args.traces {
        let mut runs = Vec::new();
        let (mut size, mut records) = (String::new(), 0);
        for choice in &choices {
            let status = prepare(args, server, reach, *choice)?;
            let mut reader = TraceReader::open(trace, args.limit)?;
            let progress = Progress::new("replaying");
            let outcome = plan.replay(&mut reader, &progress)?;
            drop(progress);
            let policy = match (choice, &status) {
                (Some(choice), _) => choice.to_string(),
                (None, Some(status)) => status.policy_text(),
                (None, None) => "unknown".to_owned(),
            };
            size = size_text(status.as_ref());
            records = reader.records();
            print_remote(args, server, trace, &policy, status.as_ref(), records, &outcome)?;
            runs.push((policy, outcome.tally));
        }
        panels.push(panel(trace, &format!("{size} at {server}"), records, &runs));
    }
    Ok(panels)
}

/// Gives the server back the policy that it had. To have `auto` go on from there, that policy is set first.
fn restore_policy(server: &ServerUrl, reach: &Reach, before: &ServerStatus) -> Result<(), Failure> {
    let mut client = client::open(reach)?;
    for policy in [Some(before.policy.as_str()), before.is_auto.then_some("auto")].into_iter().flatten() {
        note(&format!("{server}: POLICY {policy}, as it was before"));
        client.set_policy(policy)?;
    }
    Ok(())
}

/// Does to the server what was asked for before a run, and says so. What the server then is, if it can tell.
fn prepare(
    args: &ReplayArgs,
    server: &ServerUrl,
    reach: &Reach,
    choice: Option<PolicyChoice>,
) -> Result<Option<ServerStatus>, Failure> {
    let mut client = client::open(reach)?;
    // What may be refused comes before what cannot be undone.
    if let Some(choice) = choice {
        note(&format!("{server}: POLICY {choice}"));
        client.set_policy(&choice.to_string())?;
    }
    if args.wipe {
        note(&format!("{server}: WIPE"));
        client.wipe()?;
    }
    if !server.scheme.can_administer() {
        return Ok(None);
    }
    Ok(Some(client.status()?))
}

/// What is done to somebody's server is said, but not on standard output.
fn note(text: &str) {
    eprintln!("larder: {text}");
}

fn print_remote(
    args: &ReplayArgs,
    server: &ServerUrl,
    trace: &Path,
    policy: &str,
    status: Option<&ServerStatus>,
    records: u64,
    outcome: &RemoteOutcome,
) -> Result<(), Failure> {
    let name = trace.display().to_string();
    let seconds = outcome.elapsed.as_secs_f64();
    let per_second = outcome.sent as f64 / seconds.max(1e-9);
    if args.json {
        let max_size = status.map(|status| status.max_size);
        let mut object = object(&name, policy, Capacity::Bytes(max_size.unwrap_or_default()), &outcome.tally);
        object["policy"] = status.map_or(Value::Null, |_| json!(policy));
        object["capacity"] = json!(max_size);
        object["server"] = json!(server.to_string());
        object["connections"] = json!(args.connections);
        object["pipeline"] = json!(args.pipeline);
        object["sent"] = json!(outcome.sent);
        object["seconds"] = json!(seconds);
        object["sent_per_second"] = json!(per_second);
        object["get_us"] = json!(outcome.get_latency.summary());
        object["set_us"] = json!(outcome.set_latency.summary());
        output::json(&object)?;
        return Ok(());
    }
    let size = size_text(status);
    output::line(&format!("{name}: {} records, {size} at {server}", grouped(records)))?;
    output::line(&miss_table(&[(policy.to_owned(), outcome.tally.clone())]))?;
    output::line(&format!(
        "{} requests sent in {seconds:.2} s on {}, {} at once on each: {} requests/s",
        grouped(outcome.sent),
        counted(args.connections, "connection"),
        args.pipeline,
        short_count(per_second)
    ))?;
    print_latencies(&[("GET", outcome.get_latency.summary()), ("SET", outcome.set_latency.summary())])?;
    output::line("")?;
    Ok(())
}

/// What `--json` prints for every run.
fn object(trace: &str, policy: &str, capacity: Capacity, tally: &Tally) -> Value {
    let unit = match capacity {
        Capacity::Bytes(_) => Unit::Bytes,
        Capacity::Entries(_) => Unit::Entries,
    };
    json!({
        "trace": trace,
        "policy": policy,
        "capacity": capacity.amount(),
        "unit": unit.name(),
        "requests": tally.requests(),
        "hits": tally.hits,
        "misses": tally.misses,
        "miss_ratio": tally.miss_ratio(),
        "set_records": tally.set_records,
        "refused": tally.refused,
    })
}

fn miss_table(runs: &[(String, Tally)]) -> String {
    let head = ["policy", "requests", "hits", "misses", "miss ratio"].map(str::to_owned);
    let mut rows = vec![head.to_vec()];
    let any_refused = runs.iter().any(|(_, tally)| tally.refused > 0);
    if any_refused {
        rows[0].push("too large".to_owned());
    }
    for (policy, tally) in runs {
        let mut row = vec![
            policy.clone(),
            grouped(tally.requests()),
            grouped(tally.hits),
            grouped(tally.misses),
            percent(tally.miss_ratio()),
        ];
        if any_refused {
            row.push(grouped(tally.refused));
        }
        rows.push(row);
    }
    output::table(&rows)
}

fn size_text(status: Option<&ServerStatus>) -> String {
    match status {
        Some(status) => capacity_text(Capacity::Bytes(status.max_size)),
        None => "cache of unknown size".to_owned(),
    }
}

fn capacity_text(capacity: Capacity) -> String {
    match capacity {
        Capacity::Bytes(bytes) => format!("cache of {}", Size(bytes)),
        Capacity::Entries(1) => "cache of 1 entry".to_owned(),
        Capacity::Entries(entries) => format!("cache of {} entries", grouped(entries)),
    }
}

fn panel(trace: &Path, size: &str, records: u64, runs: &[(String, Tally)]) -> Panel {
    let file =
        trace.file_name().map_or_else(|| trace.display().to_string(), |name| name.to_string_lossy().into());
    let title = file.trim_end_matches(".zst").trim_end_matches(".bin").to_owned();
    let lines = runs
        .iter()
        .map(|(name, tally)| Line {
            name: name.clone(),
            miss_ratio: tally.miss_ratio(),
            points: tally.series.points(PLOT_POINTS),
            switches: Vec::new(),
        })
        .collect();
    Panel { title, subtitle: format!("{size}, {} records", grouped(records)), records, lines }
}
