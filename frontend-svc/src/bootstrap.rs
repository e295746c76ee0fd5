//! The first administrator. While there is no user at all, a start makes `admin` with system administration
//! rights; there is no default password.
//!
//! A generated password is durable in its file before the account is: a crash in between leaves a file without
//! an account, which the next start replaces, never an account whose password nobody knows.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cadastre_api_types::internal::{
    CallContext, DataAccess, MutationOptions, PageRequest, UserChange, UserChangeRequest, UserListQuery,
};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::roles::{Grant, GrantTarget, Role, Scope};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::auth::opaque::random_bytes;
use crate::auth::password::Passwords;
use crate::auth::password_rules;
use crate::config::FrontendConfig;
use crate::secret_file::write_secret_file;

/// Name of the first administrator.
const ADMIN: &str = "admin";
/// Characters of a generated password: no two that look alike.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// 32 characters of 5 bits each.
const GENERATED_CHARS: usize = 32;

/// Why the first administrator could not be made; the text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// The configured password breaks the rules.
    #[error("CADASTRE_ADMIN_PASSWORD is not accepted: {0} Set another one, or none to have one generated.")]
    WeakPassword(String),
    /// The password file cannot be written.
    #[error(
        "cannot write the password of the first administrator to {}: {source}; check that the directory exists and \
         belongs to this user, or set CADASTRE_ADMIN_PASSWORD",
        path.display()
    )]
    PasswordFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The data access layer does not answer, or refuses.
    #[error(
        "cannot make the first administrator: {0}; check that the store and the data access service are up"
    )]
    DataAccess(ApiError),
    /// No randomness.
    #[error(
        "the operating system gave no random bytes for the password of the first administrator; try again"
    )]
    NoRandomness,
}

/// Makes the first administrator if there are no users. Returns the file of the generated password, if one was
/// generated now.
pub(crate) async fn first_administrator(
    config: &FrontendConfig,
    access: &dyn DataAccess,
    passwords: &Passwords,
) -> Result<Option<PathBuf>, BootstrapError> {
    if has_users(access, config.start_patience).await? {
        return Ok(None);
    }
    if let Some(password) = &config.admin_password {
        password_rules::check(password, ADMIN)
            .map_err(|error| BootstrapError::WeakPassword(error.message))?;
        create(access, passwords, password).await?;
        return Ok(None);
    }
    let path = &config.admin_password_file;
    let on_file = |source| BootstrapError::PasswordFile {
        path: path.clone(),
        source,
    };
    // Frontends that start together on one directory: one makes the account, the others find it.
    let lock = lock_beside(path).await.map_err(on_file)?;
    if has_users(access, Duration::ZERO).await? {
        return Ok(None);
    }
    let password = generate_password()?;
    write_secret_file(path, format!("{password}\n").as_bytes()).map_err(on_file)?;
    let made = create(access, passwords, &password).await;
    drop(lock);
    match made {
        Ok(true) => Ok(Some(path.clone())),
        Ok(false) => {
            // A frontend elsewhere was first; this password opens nothing.
            fs::remove_file(path).map_err(on_file)?;
            Ok(None)
        }
        // It may have been made all the same, so the file stays.
        Err(error) => Err(error),
    }
}

/// Whether there is any user. Waits a while for a data access layer that is still starting.
async fn has_users(access: &dyn DataAccess, patience: Duration) -> Result<bool, BootstrapError> {
    let query = UserListQuery {
        name_contains: None,
        page: PageRequest {
            limit: 1,
            after: None,
        },
    };
    let give_up = Instant::now() + patience;
    loop {
        match access.list_users(&context(), query.clone()).await {
            // A page may be short while more follow.
            Ok(page) => return Ok(!page.items.is_empty() || page.next.is_some()),
            Err(error) if is_away(&error) && Instant::now() < give_up => {
                tracing::info!(code = error.code.as_str(), "waiting for the data access layer");
                sleep(Duration::from_millis(500)).await;
            }
            Err(error) => return Err(BootstrapError::DataAccess(error)),
        }
    }
}

fn is_away(error: &ApiError) -> bool {
    matches!(
        error.code,
        ErrorCode::UpstreamUnavailable | ErrorCode::StoreUnavailable | ErrorCode::Overloaded
    )
}

/// Makes the account; `false` if there is one of that name already.
async fn create(
    access: &dyn DataAccess,
    passwords: &Passwords,
    password: &str,
) -> Result<bool, BootstrapError> {
    let password_hash = passwords
        .hash(password)
        .await
        .map_err(BootstrapError::DataAccess)?;
    let grant = Grant {
        id: Uuid::now_v7(),
        role: Role::SystemAdmin,
        target: GrantTarget::System,
        prefix: None,
    };
    let change = UserChange::Create {
        password_hash,
        grants: vec![grant],
    };
    let request = UserChangeRequest {
        name: ADMIN.to_owned(),
        change,
        options: MutationOptions::default(),
    };
    match access.change_user(&context(), request).await {
        Ok(_) => {
            tracing::info!(user = ADMIN, "made the first administrator");
            Ok(true)
        }
        Err(error) if error.code == ErrorCode::NameTaken => Ok(false),
        Err(error) => Err(BootstrapError::DataAccess(error)),
    }
}

fn context() -> CallContext {
    CallContext {
        actor: "system".to_owned(),
        correlation_id: format!("start-{}", Uuid::now_v7().simple()),
        scope: Scope::Whole,
    }
}

fn generate_password() -> Result<String, BootstrapError> {
    let bytes = random_bytes::<GENERATED_CHARS>().map_err(|_| BootstrapError::NoRandomness)?;
    // 256 is a multiple of 32: every character is equally likely.
    Ok(bytes
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
        .collect())
}

async fn lock_beside(path: &Path) -> io::Result<File> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".lock");
    let lock_path = path.with_file_name(name);
    let locked = tokio::task::spawn_blocking(move || {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(lock_path)?;
        file.lock()?;
        Ok(file)
    });
    locked.await.map_err(io::Error::other)?
}

#[cfg(test)]
#[path = "bootstrap_tests.rs"]
mod tests;
