//! What the box keeps closed, and what its file may look like.
#![allow(clippy::unwrap_used)]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::LazyLock;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::secret_file::write_secret_file;

const KEY_A: &str = "2026 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const KEY_B: &str = "2027 //////////////////////////////////////////8=";

fn file(dir: &TempDir) -> PathBuf {
    dir.path().join("secrets.keys")
}

fn with(dir: &TempDir, text: &str) -> Result<SecretBox, SecretsError> {
    write_secret_file(&file(dir), text.as_bytes()).unwrap();
    SecretBox::load_or_create(dir.path())
}

fn refusal(text: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    with(&dir, text).unwrap_err().to_string()
}

fn box_of(text: &str) -> SecretBox {
    with(&tempfile::tempdir().unwrap(), text).unwrap()
}

#[test]
fn what_was_sealed_opens_at_its_place_with_the_same_words() {
    let secrets = box_of(KEY_A);
    for plain in ["", "hunter2", "pässwörd", &"x".repeat(4096)] {
        let sealed = secrets.seal("here", plain.as_bytes()).unwrap();
        assert_eq!(sealed.key_id, "2026");
        assert_eq!(*secrets.open("here", &sealed).unwrap(), plain.as_bytes());
    }
}

#[test]
fn the_same_secret_looks_different_each_time() {
    let secrets = box_of(KEY_A);
    let [one, two] = [(); 2].map(|()| secrets.seal("here", b"hunter2").unwrap().sealed);
    assert_ne!(one, two);
    assert!(!one.contains(&STANDARD.encode("hunter2")));
}

#[test]
fn a_secret_that_was_copied_to_another_row_does_not_open_there() {
    let secrets = box_of(KEY_A);
    let (space, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let subscriber = SubscriberId::new("sub-1").unwrap();
    let place = subscriber_context(space, &subscriber);
    let sealed = secrets.seal(&place, b"hunter2").unwrap();
    let elsewhere = [
        subscriber_context(other, &subscriber),
        subscriber_context(space, &SubscriberId::new("sub-2").unwrap()),
        webhook_context(space, other),
        String::new(),
    ];
    for context in elsewhere {
        let error = secrets.open(&context, &sealed).unwrap_err();
        assert_eq!(error.code, ErrorCode::StoreCorrupt);
    }
    assert!(secrets.open(&place, &sealed).is_ok());
}

#[test]
fn a_secret_that_was_cut_off_does_not_open() {
    let secrets = box_of(KEY_A);
    let sealed = secrets.seal("here", b"hunter2").unwrap();
    let whole = STANDARD.decode(&sealed.sealed).unwrap();
    for length in 0..whole.len() {
        let cut = SealedSecret {
            sealed: STANDARD.encode(&whole[..length]),
            ..sealed.clone()
        };
        assert_eq!(
            secrets.open("here", &cut).unwrap_err().code,
            ErrorCode::StoreCorrupt
        );
    }
    let no_base64 = SealedSecret {
        sealed: "not base64!".to_owned(),
        ..sealed
    };
    assert_eq!(
        secrets.open("here", &no_base64).unwrap_err().code,
        ErrorCode::StoreCorrupt
    );
}

static BOX_A: LazyLock<SecretBox> = LazyLock::new(|| box_of(KEY_A));

proptest! {
    #[test]
    fn one_changed_bit_anywhere_is_noticed(
        plain in proptest::collection::vec(any::<u8>(), 0..64),
        at in any::<prop::sample::Index>(),
    ) {
        let secrets = &*BOX_A;
        let mut sealed = secrets.seal("here", &plain).unwrap();
        let mut bytes = STANDARD.decode(&sealed.sealed).unwrap();
        let bit = at.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        sealed.sealed = STANDARD.encode(bytes);
        prop_assert_eq!(secrets.open("here", &sealed).unwrap_err().code, ErrorCode::StoreCorrupt);
    }
}

#[test]
fn after_a_rotation_the_first_key_seals_and_all_open() {
    let sealed_before = box_of(KEY_A).seal("here", b"hunter2").unwrap();
    let rotated = box_of(&format!("# new\n{KEY_B}\n\n{KEY_A}\n"));
    assert_eq!(*rotated.open("here", &sealed_before).unwrap(), b"hunter2");
    assert_eq!(rotated.seal("here", b"hunter2").unwrap().key_id, "2027");
}

#[test]
fn a_key_that_is_not_here_is_named_with_what_to_do() {
    let sealed = box_of(KEY_A).seal("here", b"hunter2").unwrap();
    let error = box_of(KEY_B).open("here", &sealed).unwrap_err();
    assert_eq!(error.code, ErrorCode::Internal);
    assert!(
        error.message.contains("`2026`") && error.message.contains("secrets.keys"),
        "{error}"
    );
}

#[test]
fn another_key_under_the_same_id_opens_nothing() {
    let sealed = box_of(KEY_A).seal("here", b"hunter2").unwrap();
    let impostor = box_of(&KEY_B.replace("2027", "2026"));
    assert_eq!(
        impostor.open("here", &sealed).unwrap_err().code,
        ErrorCode::StoreCorrupt
    );
}

#[test]
fn nothing_shows_in_a_log() {
    let secrets = box_of(KEY_A);
    let sealed = secrets.seal("here", b"hunter2").unwrap();
    let shown = format!(
        "{secrets:?} {sealed:?} {}",
        box_of(KEY_B).open("here", &sealed).unwrap_err()
    );
    assert!(
        !shown.contains("AAAA") && !shown.contains(&sealed.sealed),
        "{shown}"
    );
}

#[test]
fn the_first_start_makes_a_key_that_only_its_owner_reads_and_the_second_keeps_it() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("keys");
    let sealed = SecretBox::load_or_create(&dir)
        .unwrap()
        .seal("here", b"hunter2")
        .unwrap();
    let again = SecretBox::load_or_create(&dir).unwrap();
    assert_eq!(*again.open("here", &sealed).unwrap(), b"hunter2");
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(dir.clone()), 0o700);
    assert_eq!(mode(dir.join("secrets.keys")), 0o600);
}

#[test]
fn frontends_that_start_together_share_one_key() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("keys");
    let boxes: Vec<_> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| SecretBox::load_or_create(&dir).unwrap()))
            .collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    let sealed = boxes[0].seal("here", b"hunter2").unwrap();
    assert!(boxes.iter().all(|one| one.open("here", &sealed).is_ok()));
}

#[test]
fn a_file_that_others_can_read_is_refused_with_the_remedy() {
    for mode in [0o644, 0o604, 0o660] {
        let dir = tempfile::tempdir().unwrap();
        with(&dir, KEY_A).unwrap();
        fs::set_permissions(file(&dir), Permissions::from_mode(mode)).unwrap();
        let refusal = SecretBox::load_or_create(dir.path()).unwrap_err().to_string();
        assert!(refusal.contains("chmod 600"), "{refusal}");
    }
}

#[test]
fn a_file_that_its_group_may_read_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    with(&dir, KEY_A).unwrap();
    fs::set_permissions(file(&dir), Permissions::from_mode(0o440)).unwrap();
    assert!(SecretBox::load_or_create(dir.path()).is_ok());
}

#[test]
fn a_directory_that_others_can_write_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o777)).unwrap();
    let refusal = SecretBox::load_or_create(dir.path()).unwrap_err().to_string();
    assert!(refusal.contains("chmod 700"), "{refusal}");
}

#[test]
fn a_line_that_is_no_key_is_named_and_not_repeated() {
    let long = format!("{} AAAA", "i".repeat(65));
    let cases = [
        ("lonely-word", "two words"),
        ("2027 AAAA BBBB", "two words"),
        ("2027 @@@@", "not base64"),
        ("2027 AAAA", "32 bytes"),
        ("20/27 AAAA", "other characters"),
        (&long, "more than 64"),
    ];
    for (line, why) in cases {
        let refusal = refusal(&format!("{KEY_A}\n{line}\n"));
        assert!(
            refusal.starts_with("line 2 of ") && refusal.contains(why),
            "{refusal}"
        );
        assert!(
            !refusal.contains(line) && refusal.contains("openssl rand -base64 32"),
            "{refusal}"
        );
    }
    let twice = refusal(&format!("{KEY_A}\n{KEY_A}\n"));
    assert!(twice.contains("earlier line"), "{twice}");
}

#[test]
fn a_file_without_a_key_is_not_filled_in_silence() {
    for text in ["", "\n\n", "# nothing\n"] {
        let refusal = refusal(text);
        assert!(refusal.contains("holds no key"), "{refusal}");
    }
}

#[test]
fn without_a_key_nothing_is_sealed_and_the_remedy_is_named() {
    let none = SecretBox { keys: Vec::new() };
    let error = none.seal("here", b"hunter2").unwrap_err();
    assert!(error.message.contains("secrets.keys"), "{error}");
    let sealed = box_of(KEY_A).seal("here", b"hunter2").unwrap();
    assert!(none.open("here", &sealed).unwrap_err().message.contains("`2026`"));
}
