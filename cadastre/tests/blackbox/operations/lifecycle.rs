//! Starting and stopping.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use crate::support::deployment::free_port;
use crate::support::process::{Directory, command, run};
use crate::support::{Client, Deployment, Grant, Launch, Shape, json};

#[test]
fn a_second_process_on_the_same_directory_is_refused_and_says_why() {
    let at = Launch::new(Shape::OneProcess).start();
    let scratch = Directory::new();
    let data = at.data();
    let started = Instant::now();
    let listen = format!("127.0.0.1:{}", free_port());
    let said = run(
        command(&["serve", "--listen", &listen, "--data", data.to_str().unwrap()]),
        &scratch,
    );
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(
        said.err.contains("in use") && said.err.contains(data.to_str().unwrap()),
        "{}",
        said.err
    );
    assert!(
        !said.err.contains("panic") && started.elapsed() < Duration::from_secs(20),
        "{}",
        said.err
    );
    at.admin().get("/api/v1/me").expect(200);
}

#[test]
fn a_port_in_use_is_refused_before_anything_is_made() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let (scratch, listen) = (Directory::new(), taken.local_addr().unwrap().to_string());
    let data = scratch.join("data");
    let said = run(
        command(&["serve", "--listen", &listen, "--data", data.to_str().unwrap()]),
        &scratch,
    );
    assert_eq!(said.code, Some(1));
    assert!(
        said.err.contains(&listen) && said.err.contains("in use"),
        "{}",
        said.err
    );
    assert!(!data.exists(), "records were made for a server that never ran");
}

#[test]
fn sigterm_finishes_what_runs_and_exits_0_within_ten_seconds() {
    for shape in [Shape::OneProcess, Shape::Split] {
        let mut at = Launch::new(shape)
            .flags(&["--rate-limit=0", "--address-rate-limit=0"])
            .start();
        let space = at.space();
        let stop = Arc::new(AtomicBool::new(false));
        let made = Arc::new(AtomicUsize::new(0));
        let clients: Vec<_> = (0..8_u32)
            .map(|number| {
                let (space, stop, made) = (space.clone(), Arc::clone(&stop), Arc::clone(&made));
                std::thread::spawn(move || {
                    for host in 0_u32.. {
                        let prefix = format!("10.{number}.{}.{}/32", host / 256, host % 256);
                        let request = space.client.request(reqwest::Method::POST, &space.path("/ips"));
                        match request.json(&json!({ "prefix": prefix })).try_send() {
                            Ok(answer) if answer.status == 201 => made.fetch_add(1, Ordering::Relaxed),
                            // On its way out it may say that it is, and nothing else.
                            Ok(answer) => {
                                drop(answer.expect(503).error());
                                return;
                            }
                            Err(error) => {
                                assert!(stop.load(Ordering::Relaxed), "{error:?}");
                                return;
                            }
                        };
                    }
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(400));
        stop.store(true, Ordering::Relaxed);
        let begun = Instant::now();
        let door = at.door();
        at.process(door).terminate();
        let status = at.process(door).wait(Duration::from_secs(10));
        let took = begun.elapsed();
        assert_eq!(
            status.and_then(|status| status.code()),
            Some(0),
            "{shape:?} after {took:?}:\n{}",
            at.log()
        );
        clients.into_iter().for_each(|client| client.join().unwrap());
        let made = made.load(Ordering::Relaxed);
        assert!(made > 8, "only {made} were made");
        for role in ["frontend", "dataaccess"]
            .into_iter()
            .filter(|_| shape == Shape::Split)
        {
            at.process(role).terminate();
            let status = at.process(role).wait(Duration::from_secs(10));
            assert_eq!(
                status.and_then(|status| status.code()),
                Some(0),
                "{role}:\n{}",
                at.log()
            );
        }
        at.assert_no_panic();
        at.restart();
        assert!(
            space.prefixes("/ips").len() >= made,
            "what was answered 201 is not there"
        );
    }
}

#[test]
fn an_idle_connection_does_not_hold_up_the_end() {
    let mut at = Launch::new(Shape::OneProcess).start();
    let sockets: Vec<_> = (0..5).map(|_| crate::support::raw::connect(&at.url())).collect();
    at.admin().get("/api/v1/me").expect(200);
    at.process("serve").terminate();
    let status = at.process("serve").wait(Duration::from_secs(10));
    assert_eq!(status.and_then(|status| status.code()), Some(0), "{}", at.log());
    drop(sockets);
}

#[test]
fn a_generated_password_is_in_a_file_that_only_its_owner_reads_and_opens_the_door() {
    let at = Launch::new(Shape::OneProcess).without_password().start();
    let file = at.data().join("admin-password");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(&at.data()), 0o700);
    let keys = at.data().join("keys");
    assert_eq!(mode(&keys), 0o700);
    for key in std::fs::read_dir(&keys).unwrap() {
        assert_eq!(mode(&key.unwrap().path()), 0o600);
    }
    let password = std::fs::read_to_string(&file).unwrap();
    let password = password.trim();
    assert!(password.len() >= 20, "{} characters", password.len());
    let log = at.log();
    assert!(
        log.contains("admin-password") && !log.contains(password),
        "the screen names the file, not the password"
    );
    at.client()
        .logged_in("admin", password)
        .get("/api/v1/users")
        .expect(200);
    let other = Launch::new(Shape::OneProcess).without_password().start();
    assert_ne!(
        std::fs::read_to_string(other.data().join("admin-password"))
            .unwrap()
            .trim(),
        password
    );
}

#[test]
fn a_given_password_counts_on_the_first_start_only_and_is_not_written_down() {
    let mut at = Launch::new(Shape::OneProcess).start();
    assert!(!at.data().join("admin-password").exists());
    let admin = at.admin();
    let new = "nine brown bears eat honey";
    let body = json!({ "password": new, "currentPassword": crate::support::deployment::ADMIN_PASSWORD });
    admin.put("/api/v1/users/admin", &body).expect(200);
    at.restart();
    at.client()
        .logged_in("admin", new)
        .get("/api/v1/users")
        .expect(200);
    let old = json!({ "username": "admin", "password": crate::support::deployment::ADMIN_PASSWORD });
    at.client()
        .post("/api/v1/auth/login", &old)
        .refused(401, "InvalidCredentials");
    assert!(!at.log().contains(new) && !at.log().contains(crate::support::deployment::ADMIN_PASSWORD));
}

#[test]
fn a_weak_first_password_is_refused_and_nobody_can_log_in_with_it() {
    for weak in ["short", "password1234", "adminadminadmin"] {
        let scratch = Directory::new();
        let listen = format!("127.0.0.1:{}", free_port());
        let mut command = command(&[
            "serve",
            "--listen",
            &listen,
            "--data",
            scratch.join("data").to_str().unwrap(),
        ]);
        command.env("CADASTRE_ADMIN_PASSWORD", weak);
        let said = run(command, &scratch);
        assert!(said.code.is_some_and(|code| code != 0), "{}", said.err);
        assert!(
            said.err.to_lowercase().contains("password") && !said.err.contains(weak),
            "{}",
            said.err
        );
    }
}

#[test]
fn a_session_outlives_a_restart_because_the_keys_are_kept() {
    let mut at = Launch::new(Shape::OneProcess).start();
    let client: Client = at.admin();
    at.restart();
    client.get("/api/v1/me").expect(200);
}

#[test]
fn two_administrators_who_remove_each_other_at_the_same_moment_leave_one() {
    let at = Launch::new(Shape::OneProcess).start();
    let admin = at.admin();
    for _ in 0..10 {
        let rivals: Vec<_> = (0..2).map(|_| at.user(&[Grant::system()])).collect();
        let role = |of: &str| {
            let id = admin.get(&format!("/api/v1/users/{of}/roles")).ok()[0]["id"]
                .as_str()
                .unwrap()
                .to_owned();
            format!("/api/v1/users/{of}/roles/{id}")
        };
        let roles = [role(&rivals[1].name), role(&rivals[0].name)];
        let start = Barrier::new(2);
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let duel = rivals.iter().zip(&roles).map(|(rival, other)| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    rival.client.delete(other).status
                })
            });
            duel.collect::<Vec<_>>()
                .into_iter()
                .map(|rival| rival.join().unwrap())
                .collect()
        });
        assert_ne!(
            statuses,
            [204, 204],
            "each has removed the other, and nobody would be left"
        );
        for rival in rivals {
            admin.delete(&format!("/api/v1/users/{}", rival.name)).gone();
        }
    }
}

#[test]
fn the_memory_store_needs_no_directory_and_forgets() {
    let mut at: Deployment = Launch::new(Shape::OneProcess).flags(&["--store=memory:"]).start();
    let name = at.space().name;
    assert_eq!(
        at.admin()
            .get(&format!("/api/v1/addressspaces?nameContains={name}"))
            .ok()
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert!(!at.data().join("store").exists());
    at.restart();
    let admin = at
        .client()
        .logged_in("admin", crate::support::deployment::ADMIN_PASSWORD);
    assert_eq!(admin.get("/api/v1/addressspaces").ok(), json!([]));
}
