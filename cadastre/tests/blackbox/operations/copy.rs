//! What `cadastre copy` and `cadastre restore` refuse: each says what to do about it, and nothing is made or written.

use std::fs;

use super::azure::Server;
use super::backup::{cadastre, done, refused, some_data};
use crate::support::process::Directory;
use crate::support::services::some_table;

#[test]
fn a_copy_that_cannot_be_says_what_to_do_and_makes_no_target() {
    let directory = Directory::new();
    let store = format!("rocksdb:{}", directory.join("data/store").display());
    let mut server = Server::on(&directory, "data", &store, "", &[]);
    server.ready(200);
    let copy = |from: &str, to: &str| cadastre(&directory, &["copy", "--from", from, "--to", to]);
    refused(
        &copy("rocksdb:data/store", "rocksdb:new/store"),
        1,
        &["in use", "stop that one first"],
    );
    refused(
        &copy("rocksdb:data/store", "rocksdb:./data/store/"),
        2,
        &["are the same store"],
    );
    let absent = format!("azure-tables:{}", some_table());
    refused(
        &copy(&absent, "rocksdb:new/store"),
        1,
        &[&absent, "the table does not exist"],
    );
    assert!(!directory.join("new").exists());
}

#[test]
fn a_restore_into_a_store_in_use_and_of_a_damaged_file_says_so() {
    let directory = Directory::new();
    some_data(&directory, 50);
    done(&cadastre(
        &directory,
        &["backup", "good.ndjson.gz", "--data", "data"],
    ));
    let packed = fs::read(directory.join("good.ndjson.gz")).unwrap();
    let mut spoilt = packed.clone();
    spoilt[20..200].fill(0xff);
    for (name, content, words) in [
        ("short.gz", &packed[..30], "cut off"),
        ("half.gz", &packed[..packed.len() / 2], "cut off"),
        ("spoilt.gz", &spoilt, "altered or damaged"),
    ] {
        fs::write(directory.join(name), content).unwrap();
        refused(
            &cadastre(&directory, &["restore", name, "--data", "new"]),
            1,
            &[name, words, "Nothing was written."],
        );
    }
    assert!(!directory.join("new").exists());
    let store = format!("rocksdb:{}", directory.join("data/store").display());
    let mut server = Server::on(&directory, "data", &store, "", &[]);
    server.ready(200);
    refused(
        &cadastre(&directory, &["restore", "good.ndjson.gz", "--data", "data"]),
        1,
        &["in use", "another one with --data"],
    );
}
