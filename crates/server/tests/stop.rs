//! Stopping: what has arrived is answered, nothing new begins, and nobody can hold the server up.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

use larder_server::{Server, StartError, Stopped, SystemClock, config::Listen};
use larder_wire::paper::Request;
use support::{TestServer, encode, test_config, token, until};

#[test]
fn requests_that_have_arrived_are_answered_before_the_end() {
    for workers in [1, 3] {
        let server = TestServer::start(|config| config.workers = workers);
        let mut clients: Vec<_> = (0..10).map(|_| server.client()).collect();
        for client in &mut clients {
            client.send(&encode(&Request::Ping).repeat(1000));
            client.send(&encode(&Request::Set { key: b"half", value: &[7; 100], ttl_s: 0 })[..50]);
        }
        assert_eq!(server.handle.shutdown(), Stopped::Clean);
        for client in &mut clients {
            client.expect(&b"!\x04\0\0\0pong".repeat(1000));
            client.expect_end();
        }
    }
}

#[test]
fn silent_clients_do_not_hold_a_stop_up() {
    let server = TestServer::start(|_| {});
    let mut clients: Vec<_> = (0..10).map(|_| server.client()).collect();
    assert_eq!(server.handle.shutdown(), Stopped::Clean);
    clients.iter_mut().for_each(support::Client::expect_end);
}

#[test]
fn a_client_that_does_not_read_is_cut_off_when_the_time_is_over() {
    let server = TestServer::start(|config| config.limits.stop_time = Duration::from_millis(50));
    let mut client = server.client();
    client.set(b"key", &vec![7; 1 << 20]).unwrap();
    client.send(&encode(&Request::Get { key: b"key" }).repeat(100));
    until("it is in the middle of it", || server.handle.cache().status().totals.hits > 0);
    assert_eq!(server.handle.shutdown(), Stopped::Cut { connections: 1 });
}

#[test]
fn a_stopped_server_accepts_nobody_and_its_port_is_free() {
    let server = TestServer::start(|_| {});
    let address = server.address();
    drop(server);
    assert!(TcpStream::connect(address).is_err());
    let mut config = test_config();
    config.paper.listen = Listen::Address(address.to_string());
    let again = Server::start(&config, std::sync::Arc::new(SystemClock::new())).unwrap();
    assert_eq!(again.paper_addr(), Some(address));
}

#[test]
fn clients_that_connect_while_the_server_stops_get_a_handshake_or_an_end() {
    for _ in 0..20 {
        let server = TestServer::start(|_| {});
        let address = server.address();
        let connecting = thread::spawn(move || {
            for _ in 0..50 {
                let Ok(mut stream) = TcpStream::connect(address) else { return };
                stream.set_read_timeout(Some(support::PATIENCE)).unwrap();
                // Where the listener goes in the middle of the kernel's own handshake, Linux may take the client for connected and
                // not say that nobody is there until it says something itself, as every client does.
                let mut byte = [0];
                match stream.write_all(&encode(&Request::Ping)).and_then(|()| stream.read(&mut byte)) {
                    Ok(0) => {}
                    Ok(_) => assert_eq!(byte, *b"!"),
                    Err(error) => assert!(
                        matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe),
                        "{error}"
                    ),
                }
            }
        });
        assert_eq!(server.handle.shutdown(), Stopped::Clean);
        connecting.join().unwrap();
    }
}

#[test]
fn a_taken_port_is_an_error_that_names_setting_and_address() {
    let server = TestServer::start(|_| {});
    let mut config = test_config();
    config.paper.listen = Listen::Address(server.address().to_string());
    let error = Server::start(&config, std::sync::Arc::new(SystemClock::new())).unwrap_err();
    assert!(
        matches!(&error, StartError::Bind { key: "paper.listen", address, .. } if *address == server.address())
    );
    assert!(!error.is_configuration());
}

#[test]
fn without_a_token_only_this_machine_may_connect_unless_it_is_said() {
    let clock = || std::sync::Arc::new(SystemClock::new());
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "[::ffff:192.0.2.1]:0"] {
        let mut config = test_config();
        config.paper.listen = Listen::Address(address.to_owned());
        let error = Server::start(&config, clock()).unwrap_err();
        assert!(matches!(error, StartError::Exposed { .. }), "{address}: {error}");
        assert!(error.is_configuration());
        assert!(error.to_string().contains("allow_insecure"));
    }
    for allow in [true, false] {
        let mut config = test_config();
        // An address of no machine: the check is passed, and the system refuses.
        config.paper.listen = Listen::Address("192.0.2.1:0".to_owned());
        config.allow_insecure = allow;
        if !allow {
            config.tokens = vec![token("secret")];
        }
        assert!(matches!(Server::start(&config, clock()).unwrap_err(), StartError::Bind { .. }));
    }
}

#[test]
fn a_name_that_stands_for_nothing_is_an_error() {
    let mut config = test_config();
    config.paper.listen = Listen::Address("no-such-host.invalid:3145".to_owned());
    let error = Server::start(&config, std::sync::Arc::new(SystemClock::new())).unwrap_err();
    assert!(matches!(error, StartError::Resolve { key: "paper.listen", .. }), "{error}");
}
