//! Claims about the first administrator.
#![allow(clippy::unwrap_used)]
use super::*;
use std::os::unix::fs::PermissionsExt;

use crate::auth::password::Verdict;
use crate::testing::{FakeAccess, cheap_passwords};

struct Fixture {
    config: FrontendConfig,
    access: FakeAccess,
    passwords: Passwords,
    _dir: tempfile::TempDir,
}

fn fixture(admin_password: Option<&str>) -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let config = FrontendConfig {
        admin_password: admin_password.map(str::to_owned),
        admin_password_file: dir.path().join("admin-password"),
        start_patience: Duration::ZERO,
        ..FrontendConfig::default()
    };
    Fixture {
        config,
        access: FakeAccess::default(),
        passwords: cheap_passwords(),
        _dir: dir,
    }
}

impl Fixture {
    async fn start(&self) -> Result<Option<PathBuf>, BootstrapError> {
        first_administrator(&self.config, &self.access, &self.passwords).await
    }

    async fn opens(&self, password: &str) -> bool {
        let account = self.access.account("admin").unwrap();
        self.passwords
            .verify(Some(&account.password_hash), password)
            .await
            != Ok(Verdict::Wrong)
    }
}

#[tokio::test]
async fn the_first_start_generates_a_password_that_only_its_owner_reads() {
    let fixture = fixture(None);
    let file = fixture.start().await.unwrap().unwrap();
    let password = fs::read_to_string(&file).unwrap();
    assert!(password.trim().len() >= 24);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fixture.opens(password.trim()).await);
    let admin = fixture.access.account("admin").unwrap();
    assert_eq!(admin.grants.len(), 1);
    assert_eq!(
        (admin.grants[0].role, admin.grants[0].target),
        (Role::SystemAdmin, GrantTarget::System)
    );
}

#[tokio::test]
async fn later_starts_touch_neither_account_nor_file() {
    let fixture = fixture(None);
    let file = fixture.start().await.unwrap().unwrap();
    let (password, account) = (fs::read(&file).unwrap(), fixture.access.account("admin"));
    assert!(fixture.start().await.unwrap().is_none());
    assert_eq!(fs::read(&file).unwrap(), password);
    assert_eq!(fixture.access.account("admin"), account);
}

#[tokio::test]
async fn a_configured_password_is_used_and_written_nowhere() {
    let fixture = fixture(Some("korrekt pferd batterie"));
    assert!(fixture.start().await.unwrap().is_none());
    assert!(fixture.opens("korrekt pferd batterie").await);
    assert!(!fixture.config.admin_password_file.exists());
}

#[tokio::test]
async fn a_weak_configured_password_is_refused_with_a_sentence_and_makes_no_account() {
    for weak in ["", "admin", "password1234", "short"] {
        let fixture = fixture(Some(weak));
        let error = fixture.start().await.unwrap_err().to_string();
        assert!(
            error.starts_with("CADASTRE_ADMIN_PASSWORD is not accepted: "),
            "{error}"
        );
        assert!(weak.is_empty() || !error.contains(&format!("{weak} ")), "{error}");
        assert!(fixture.access.account("admin").is_none());
    }
}

#[tokio::test]
async fn a_crash_before_the_account_leaves_a_file_that_the_next_start_replaces() {
    let fixture = fixture(None);
    fs::write(&fixture.config.admin_password_file, "from before the crash").unwrap();
    fs::set_permissions(
        &fixture.config.admin_password_file,
        fs::Permissions::from_mode(0o644),
    )
    .unwrap();
    let file = fixture.start().await.unwrap().unwrap();
    let password = fs::read_to_string(&file).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fixture.opens(password.trim()).await);
}

#[tokio::test]
async fn when_the_store_fails_the_file_is_there_for_an_account_that_may_have_been_made() {
    let fixture = fixture(None);
    fixture.access.fail_changes(true);
    assert!(matches!(
        fixture.start().await,
        Err(BootstrapError::DataAccess(_))
    ));
    assert!(fixture.config.admin_password_file.exists());
    fixture.access.fail_changes(false);
    let file = fixture.start().await.unwrap().unwrap();
    let password = fs::read_to_string(&file).unwrap();
    assert!(fixture.opens(password.trim()).await);
}

#[tokio::test]
async fn an_admin_who_was_deleted_does_not_come_back_while_there_are_users() {
    let fixture = fixture(None);
    fixture.access.add(crate::testing::account("ada"));
    assert!(fixture.start().await.unwrap().is_none());
    assert!(fixture.access.account("admin").is_none());
}

#[test]
fn generated_passwords_pass_our_own_rules_and_differ() {
    let (one, two) = (generate_password().unwrap(), generate_password().unwrap());
    assert!(password_rules::check(&one, ADMIN).is_ok());
    assert_ne!(one, two);
}
