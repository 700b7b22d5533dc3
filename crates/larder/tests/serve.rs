//! The real process: what it prints, how it exits, and that the machine's limits do not bring it down.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, ChildStderr, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// Nothing here takes this long; a test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);

const PING: &[u8] = &[0];
const PONG: &[u8] = b"!\x04\0\0\0pong";
const STATUS: &[u8] = &[13];

/// A process that is killed when the test ends, however it ends.
struct Larder {
    child: Child,
    address: SocketAddr,
    log: thread::JoinHandle<String>,
    /// Where it runs.
    folder: TempDir,
}

/// The command that runs `larder` with `arguments`, under the limits that the shell words `limits` set.
fn larder(limits: &str, arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!("{limits} exec \"$0\" \"$@\""))
        .arg(env!("CARGO_BIN_EXE_larder"))
        .args(arguments);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("LARDER_")) {
        command.env_remove(name);
    }
    command.current_dir(folder).env("TMPDIR", folder).env("NO_COLOR", "1");
    // Listeners that have a port of their own by default: off, unless a flag says otherwise.
    command.env("LARDER_ADMIN_LISTEN", "off").env("LARDER_REST_LISTEN", "off");
    command
}

fn run(arguments: &[&str]) -> Output {
    let folder = TempDir::new().unwrap();
    larder("", arguments, folder.path()).output().unwrap()
}

impl Larder {
    fn serve(limits: &str, arguments: &[&str]) -> Larder {
        Larder::serve_with(limits, arguments, &[])
    }

    fn serve_with(limits: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Larder {
        let folder = TempDir::new().unwrap();
        let arguments = [&["serve", "--paper", "127.0.0.1:0", "--seriput", "off"], arguments].concat();
        let mut command = larder(limits, &arguments, folder.path());
        command.envs(variables.iter().copied());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = collect(child.stderr.take().unwrap());
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address =
            line.trim().strip_prefix("paper listening on ").and_then(|address| address.parse().ok());
        let Some(address) = address else { panic!("{line:?}, {}", log.join().unwrap()) };
        Larder { child, address, log, folder }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn client(&self) -> TcpStream {
        let mut stream = self.connect();
        expect(&mut stream, b"!");
        stream
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.unwrap().success());
    }

    /// The exit status and the log. The process has to end by itself.
    fn end(mut self) -> (Option<i32>, String) {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            thread::yield_now();
        };
        let log = std::mem::replace(&mut self.log, thread::spawn(String::new));
        (status.code(), log.join().unwrap())
    }

    /// A line of the kernel's `status` file, in KiB or as a number.
    fn figure(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// Processor time that the thread of this name has used, in clock ticks (of which there are a hundred a second).
    fn ticks(&self, thread: &str) -> u64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let stats = tasks.map(|task| fs::read_to_string(task.unwrap().path().join("stat")).unwrap());
        let stat = stats.into_iter().find(|stat| stat.contains(&format!("({thread})"))).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }
}

impl Drop for Larder {
    fn drop(&mut self) {
        // It is our own child, and may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(mut stderr: ChildStderr) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut log = Vec::new();
        let _ = stderr.read_to_end(&mut log);
        String::from_utf8(log).expect("the log is text")
    })
}

fn expect(stream: &mut TcpStream, expected: &[u8]) {
    let mut received = vec![0; expected.len()];
    stream.read_exact(&mut received).expect("a reply");
    assert_eq!(received, expected);
}

fn ask(stream: &mut TcpStream, request: &[u8], expected: &[u8]) {
    stream.write_all(request).unwrap();
    expect(stream, expected);
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_signal_stops_it_with_status_0_after_what_had_arrived_is_answered() {
    for name in ["TERM", "INT"] {
        let larder = Larder::serve("", &[]);
        let mut client = larder.client();
        ask(&mut client, PING, PONG);
        client.write_all(&PING.repeat(1000)).unwrap();
        larder.signal(name);
        expect(&mut client, &PONG.repeat(1000));
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        let (status, log) = larder.end();
        assert_eq!(status, Some(0), "{log}");
    }
}

#[test]
fn a_second_signal_stops_it_at_once() {
    let larder = Larder::serve("", &["--stop-time", "1h", "--max-size", "64MiB"]);
    let mut client = larder.client();
    // More replies than the sockets hold, which nobody reads.
    let value = vec![7; 10 << 20];
    let set = [&[4, 1, 0, 0, 0, b'k'], &(value.len() as u32).to_le_bytes()[..], &value, &[0; 4]].concat();
    ask(&mut client, &set, b"!");
    client.write_all(&[3, 1, 0, 0, 0, b'k'].repeat(10)).unwrap();
    // The first byte of the replies: the server is in the middle of it.
    expect(&mut client, b"!");
    larder.signal("TERM");
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(larder.address).is_ok() {
        assert!(Instant::now() < deadline, "it goes on accepting");
    }
    larder.signal("TERM");
    assert_eq!(larder.end().0, Some(130));
}

#[test]
fn a_bad_configuration_starts_nothing_and_exits_with_2_naming_lines_and_reasons() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("larder.toml");
    fs::write(&path, "max_size = \"lots\"\n\n[limits]\nconnections = 0\n").unwrap();
    let output = run(&["serve", "--config", path.to_str().unwrap(), "--workers", "none"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let stderr = stderr(&output);
    for part in
        ["larder.toml:1: max_size: found \"lots\"", "larder.toml:4: limits.connections", "--workers: workers"]
    {
        assert!(stderr.contains(part), "{part} not in {stderr}");
    }
    for arguments in [
        &["serve", "--config", "/no/such/file"][..],
        &["serve", "--paper", "0.0.0.0:0"],
        &["serve", "--paper", "off", "--seriput", "off"],
        &["serve", "--paper", "127.0.0.1:0", "--seriput", "0.0.0.0:0"],
        &["serve", "--paper", "127.0.0.1:0", "--seriput", "127.0.0.1:0", "--token", "secret"],
        &["serve", "--seriput-validate", "xml"],
        &["serve", "--policy", "LRU"],
        &["serve", "--no-such-flag"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?} {output:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty());
    }
}

#[test]
fn what_is_wrong_with_listeners_is_told_at_once_each_with_its_place() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("larder.toml");
    let file = path.to_str().unwrap();
    let told = |text: &str, arguments: &[&str]| {
        fs::write(&path, text).unwrap();
        let output = run(&[&["serve", "--config", file], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(output.stdout.is_empty(), "nothing has been started");
        stderr(&output)
    };

    let three = "[paper]\nlisten = \"0.0.0.0:0\"\n\n[seriput]\nlisten = \"no-such-host.invalid:1\"\n";
    let lines = told(three, &["--admin", "[::]:0"]);
    for part in [
        "larder.toml:2: paper.listen: 0.0.0.0:0 can be reached from other machines, and no token is configured; set a token",
        "larder.toml:5: seriput.listen: found \"no-such-host.invalid:1\"",
        "allowed: HOST:PORT of this machine, or off",
        "larder: --admin: admin.listen: [::]:0 can be reached from other machines",
    ] {
        assert!(lines.contains(part), "{part} not in {lines}");
    }
    assert_eq!(lines.lines().count(), 3, "{lines}");

    // The documentation's own network: no machine has the address.
    let lines =
        told("allow_insecure = true\n[paper]\nlisten = \"192.0.2.1:0\"\n", &["--seriput", "192.0.2.1:0"]);
    assert!(lines.contains("larder.toml:3: paper.listen: cannot listen on 192.0.2.1:0"), "{lines}");
    assert!(lines.contains("--seriput: seriput.listen: cannot listen on 192.0.2.1:0"), "{lines}");

    let lines = told("[paper]\nlisten = \"127.0.0.1:4\"\n", &["--seriput", "127.0.0.1:4"]);
    assert!(
        lines.contains("--seriput: seriput.listen: 127.0.0.1:4 is what paper.listen says too"),
        "{lines}"
    );

    let pconf = folder.path().join("open.pconf");
    fs::write(&pconf, "port=0\nmax_size=1MiB\npolicies[]=lru\nhost=0.0.0.0\n").unwrap();
    let output = run(&["serve", "--config", pconf.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("open.pconf:4: host: 0.0.0.0:0 can be reached"), "{output:?}");
}

#[test]
fn wrong_values_and_wrong_listeners_are_told_together_in_the_order_of_their_places() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("larder.toml");
    let told = |text: &str, arguments: &[&str]| {
        fs::write(&path, text).unwrap();
        let output = run(&[&["serve", "--config", path.to_str().unwrap()], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let lines = stderr(&output).replace(&format!("{}", path.display()), "FILE");
        lines.lines().map(|line| line.strip_prefix("larder: ").unwrap().to_owned()).collect::<Vec<_>>()
    };
    let all = "what = 1\nmax_size = 0\n[paper]\nlisten = \"0.0.0.0:0\"\n[rest]\ntls_cert = \"/no/such.pem\"\n\
               tls_key = \"/no/such.key\"\n[log]\nlevel = \"loud\"\n";
    let lines = told(all, &["--seriput", "no-such-host.invalid:1", "--workers", "0", "--admin", "[::]:0"]);
    let starts = [
        "FILE:1: there is no key `what`",
        "FILE:2: max_size: found",
        "FILE:4: paper.listen: 0.0.0.0:0 can be reached",
        "FILE:6: rest.tls_cert, rest.tls_key: /no/such.pem",
        "FILE:9: log.level: found",
        "--admin: admin.listen: [::]:0 can be reached",
        "--seriput: seriput.listen: found \"no-such-host.invalid:1\"",
        "--workers: workers: found",
    ];
    assert_eq!(lines.len(), starts.len(), "{lines:#?}");
    for (line, start) in lines.iter().zip(starts) {
        assert!(line.starts_with(start), "{start} is not {line}");
    }

    // What may be right once the rest is mended is not called wrong.
    let open = "tokens = [\"\"]\nallow_insecure = true\n[paper]\nlisten = \"0.0.0.0:0\"\n";
    for (text, argument, start) in [
        (open.replace("true", "false"), "--advise", "FILE:1: tokens: found ***"),
        (
            open.replace("\"\"", "").replace("true", "\"yes\""),
            "--advise",
            "FILE:2: allow_insecure: found \"yes\"",
        ),
        ("max_size = \"1MiB".to_owned(), "--paper=0.0.0.0:0", "FILE:1: "),
        (
            "policies = [\"mru\", \"MRU\"]\npolicy = \"2q-0.1-0.1\"".to_owned(),
            "--advise",
            "FILE:1: policies: found",
        ),
        (
            "[rest]\ntls_cert = \"cert.pem\"".to_owned(),
            "--advise",
            "FILE:2: rest.tls_cert: rest.tls_key is missing",
        ),
        (
            "[rest]\ntls_key = \"/no/such\"".to_owned(),
            "--advise",
            "FILE:2: rest.tls_key: rest.tls_cert is missing",
        ),
        (String::new(), "--tls-cert=/no/such", "--tls-cert: rest.tls_cert: rest.tls_key is missing"),
        (String::new(), "--tls-key=key.pem", "--tls-key: rest.tls_key: rest.tls_cert is missing"),
    ] {
        let lines = told(&text, &[argument]);
        assert!(lines.len() == 1 && lines[0].starts_with(start), "{start} is not all of {lines:#?}");
    }
}

#[test]
fn a_port_that_is_taken_exits_with_1_naming_it() {
    let larder = Larder::serve("", &[]);
    let output = run(&["serve", "--paper", &larder.address.to_string()]);
    assert_eq!(output.status.code(), Some(1));
    let place = format!("--paper: paper.listen: cannot listen on {}", larder.address);
    assert!(stderr(&output).contains(&place), "{output:?}");
}

#[test]
fn a_papercache_file_makes_it_a_papercache_server() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("server.pconf");
    fs::write(&path, "max_size=1MiB\npolicies[]=lru\npolicies[]=lfu\npolicy=lfu\nauth_token=$PAPER_TOKEN\n")
        .unwrap();
    let arguments = ["--config", path.to_str().unwrap()];
    let larder = Larder::serve_with("", &arguments, &[("PAPER_TOKEN", "a=b")]);
    let mut client = larder.client();
    ask(&mut client, STATUS, &[0x3f, 3]);
    ask(&mut client, b"\x02\x03\0\0\0a=b", b"!");
    client.write_all(STATUS).unwrap();
    let mut status = [0; 103];
    client.read_exact(&mut status).unwrap();
    assert_eq!(status[1..5], larder.child.id().to_le_bytes());
    assert_eq!(&status[77..99], b"\x02\0\0\0\x03\0\0\0lru\x03\0\0\0lfu\x03\0\0\0");

    let output = run(&["serve", "--config", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output)
            .contains("server.pconf:5: auth_token: the environment variable PAPER_TOKEN is not set")
    );
}

#[test]
fn config_shows_values_and_origins_and_no_secret() {
    let output = run(&["config", "--max-size", "1MiB", "--token", "hunter2"]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.lines().any(|line| line.split_whitespace().eq(["max_size", "1MiB", "--max-size"])),
        "{text}"
    );
    assert!(text.contains("***") && !text.contains("hunter2"), "{text}");

    let output = run(&["config", "--json", "--allow-insecure"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["allow_insecure"], serde_json::json!({ "value": true, "origin": "--allow-insecure" }));
    assert_eq!(run(&["config", "--max-size", "0"]).status.code(), Some(2));
}

#[test]
fn out_of_descriptors_it_answers_those_it_has_tells_the_others_and_does_not_spin() {
    let larder = Larder::serve("ulimit -n 40;", &["--connections", "1000"]);
    let mut clients = Vec::new();
    let mut refused = loop {
        let mut stream = larder.connect();
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        match byte {
            [0x21] => clients.push(stream),
            _ => break stream,
        }
        assert!(clients.len() < 40);
    };
    expect(&mut refused, &[2]);
    assert!(clients.len() > 10, "{}", clients.len());
    // Clients that wait to be accepted.
    let waiting: Vec<_> = (0..5).map(|_| larder.connect()).collect();
    let (started, before) = (Instant::now(), larder.ticks("control"));
    while started.elapsed() < Duration::from_millis(1500) {
        for client in &mut clients {
            ask(client, PING, PONG);
        }
    }
    let used = larder.ticks("control") - before;
    assert!(used <= 30, "the acceptor used {used} of 150 ticks");
    let client = clients.last_mut().unwrap();
    client.write_all(STATUS).unwrap();
    let mut head = [0; 45];
    client.read_exact(&mut head).unwrap();
    assert_eq!(head[0], 0x21);
    let resident = u64::from_le_bytes(head[29..37].try_into().unwrap());
    assert!(resident > 0, "STATUS knows the memory without a descriptor to spare");
    // Places that are free again are used again.
    drop((clients, waiting));
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut stream = larder.connect();
        let mut byte = [0];
        if stream.read_exact(&mut byte).is_ok() && byte == [0x21] {
            ask(&mut stream, PING, PONG);
            break;
        }
        assert!(Instant::now() < deadline, "it does not recover");
    }
    larder.signal("TERM");
    let (status, log) = larder.end();
    assert_eq!(status, Some(0));
    assert!(log.lines().count() < 20, "{log}");
}

#[test]
fn claimed_lengths_reserve_nothing_even_where_address_space_is_short() {
    let larder = Larder::serve("ulimit -v 2000000;", &["--token", "secret", "--workers", "1"]);
    let mut first = larder.client();
    ask(&mut first, PING, PONG);
    let (resident, mapped) = (larder.figure("VmRSS:"), larder.figure("VmSize:"));
    let mut clients: Vec<_> = (0..50).map(|_| larder.client()).collect();
    for (index, client) in clients.iter_mut().enumerate() {
        let request: &[u8] = if index % 2 == 0 {
            &[3, 255, 255, 255, 255]
        } else {
            &[4, 1, 0, 0, 0, b'k', 255, 255, 255, 255]
        };
        ask(client, request, &[0x3f, 3]);
        client.write_all(&[7; 20_000]).unwrap();
    }
    ask(&mut first, PING, PONG);
    let grown =
        (larder.figure("VmRSS:").saturating_sub(resident), larder.figure("VmSize:").saturating_sub(mapped));
    assert!(grown.0 < 8_000, "resident memory grew by {} KiB", grown.0);
    assert!(grown.1 < 200_000, "mapped memory grew by {} KiB", grown.1);
}

#[test]
fn what_was_wiped_or_is_no_longer_under_way_is_given_back_to_the_system() {
    const MIB: usize = 1 << 20;
    let larder = Larder::serve("", &["--workers", "1", "--policy", "lru"]);
    let mut client = larder.client();
    ask(&mut client, PING, PONG);
    let at_first = larder.figure("VmRSS:");
    let set = |key: u32, len: usize| {
        let mut request = vec![4, 4, 0, 0, 0];
        request.extend(key.to_le_bytes());
        request.extend((len as u32).to_le_bytes());
        request.resize(request.len() + len, 7);
        request.extend([0; 4]);
        request
    };
    for key in 0..40 {
        ask(&mut client, &set(key, MIB), b"!");
    }
    for batch in 0..100 {
        let small: Vec<u8> = (0..500).flat_map(|key| set(1000 + batch * 500 + key, 300)).collect();
        ask(&mut client, &small, &[0x21; 500]);
    }
    let half_sent: Vec<_> = (0..20)
        .map(|key| {
            let mut client = larder.client();
            client.write_all(&set(key, 2 * MIB)[..MIB]).unwrap();
            client
        })
        .collect();
    ask(&mut client, PING, PONG);
    let full = larder.figure("VmRSS:");
    assert!(full > at_first + 50_000, "{at_first} KiB, then {full} KiB");
    drop(half_sent);
    ask(&mut client, b"\x0a", b"!");
    // The allocator keeps for some seconds what it may need again.
    let deadline = Instant::now() + PATIENCE;
    while larder.figure("VmRSS:") > at_first + 15_000 {
        assert!(Instant::now() < deadline, "{at_first} KiB, {full} KiB, {} KiB", larder.figure("VmRSS:"));
        thread::yield_now();
    }
}

#[test]
fn threads_do_not_grow_with_the_connection_limit() {
    let larder = Larder::serve("", &["--connections", "1000", "--workers", "2"]);
    let clients: Vec<_> = (0..100).map(|_| larder.client()).collect();
    assert!(larder.figure("Threads:") <= 8, "{} for {}", larder.figure("Threads:"), clients.len());
}

#[test]
fn it_writes_no_files() {
    let larder = Larder::serve("ulimit -f 0;", &["--max-size", "1MiB"]);
    let mut client = larder.client();
    for index in 0..10_000u32 {
        let set = [&[4, 4, 0, 0, 0], &index.to_le_bytes()[..], &[1, 0, 0, 0, b'v', 0, 0, 0, 0]].concat();
        ask(&mut client, &set, b"!");
    }
    ask(&mut client, b"\x0c\x03\0\0\0lfu", b"!");
    assert_eq!(fs::read_dir(larder.folder.path()).unwrap().count(), 0);
}

#[test]
fn the_log_has_no_tokens_and_what_a_client_sends_only_in_escaped_form() {
    let arguments = ["--log-level", "trace", "--log-format", "json", "--auth-delay", "off"];
    let larder = Larder::serve_with("", &arguments, &[("LARDER_TOKEN", "hunter2")]);
    for _ in 0..20 {
        let mut client = larder.client();
        ask(&mut client, b"\x02\x08\0\0\0guess\n\x1b\"", &[0x3f, 3]);
        ask(&mut client, b"\x02\x07\0\0\0hunter2", b"!");
        ask(&mut client, b"\x0c\x05\0\0\0evil\n", &[0x3f, 0, 6]);
        ask(&mut client, b"\x0a", b"!");
        ask(&mut client, b"\n\xff", b"!\x3f\x01");
    }
    larder.signal("TERM");
    let (status, log) = larder.end();
    assert_eq!(status, Some(0));
    for secret in ["hunter2", "guess", "evil"] {
        assert!(!log.contains(secret), "{log}");
    }
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let count = |message: &str| lines.iter().filter(|line| line["message"] == message).count();
    assert!((1..40).contains(&count("wipe")), "logged, and not each time");
    assert_eq!(count("connected"), 20);
    assert!((1..20).contains(&count("wrong token")), "logged, and not each time");
    let violations =
        lines.iter().filter(|line| line["level"] == "INFO" && line["violation"].is_string()).count();
    assert!((1..20).contains(&violations), "an operator hears of them, and not each time");
}
