//! Accounts: roles, sessions, tokens, and what survives.

use std::sync::Arc;

use cadastre_api_types::ErrorCode;
use cadastre_api_types::internal::*;
use cadastre_domain::roles::{Grant, GrantTarget, Role};
use cadastre_domain::sessions::TokenFamily;
use cadastre_storage::{Fault, FaultStore, MemoryStore, Op, Rule, Store};
use uuid::Uuid;

use crate::support::*;

async fn change(
    access: &dyn DataAccess,
    name: &str,
    change: UserChange,
) -> Result<Option<Arc<Account>>, cadastre_api_types::ApiError> {
    let request = UserChangeRequest {
        name: name.to_owned(),
        change,
        options: MutationOptions::default(),
    };
    match access.change_user(&context(), request).await? {
        UserChangeOutcome::Committed { account, .. } => Ok(account),
        other => panic!("{other:?}"),
    }
}

fn make() -> UserChange {
    UserChange::Create {
        password_hash: "hash".to_owned(),
        grants: Vec::new(),
    }
}

fn family(hash: &str) -> TokenFamily {
    let now = jiff::Timestamp::now().as_second();
    TokenFamily {
        id: Uuid::now_v7(),
        current_hash: hash.to_owned(),
        created: now,
        rotated: now,
        expires: now + 600,
    }
}

#[tokio::test]
async fn a_user_can_be_made_once_and_is_listed() {
    let access = memory().await;
    for name in ["ada", "ada2", "bob", "a-b", "a"] {
        change(access.as_ref(), name, make()).await.unwrap();
    }
    assert_eq!(
        change(access.as_ref(), "ada", make()).await.unwrap_err().code,
        ErrorCode::NameTaken
    );
    let mut names = Vec::new();
    let mut after = None;
    loop {
        let query = UserListQuery {
            name_contains: None,
            page: PageRequest { limit: 1, after },
        };
        let page = access.list_users(&context(), query).await.unwrap();
        names.extend(page.items.iter().map(|account| account.name.clone()));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    names.sort();
    assert_eq!(names, ["a", "a-b", "ada", "ada2", "bob"]);
    change(access.as_ref(), "ada", UserChange::Delete).await.unwrap();
    let gone = access
        .get_user(&context(), UserQuery::complete("ada".to_owned()))
        .await
        .unwrap_err();
    assert_eq!(gone.code, ErrorCode::NotFound);
}

#[tokio::test]
async fn a_refresh_token_used_twice_ends_its_session_durably() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let access = open(Arc::clone(&store)).await;
    change(access.as_ref(), "ada", make()).await.unwrap();
    let session = family("one");
    change(
        access.as_ref(),
        "ada",
        UserChange::StartSession {
            family: session.clone(),
            max: 5,
        },
    )
    .await
    .unwrap();
    let rotate = |from: &str, to: &str| UserChange::RotateSession {
        family: session.id,
        presented_hash: from.to_owned(),
        next_hash: to.to_owned(),
        lifetime: 600,
    };
    change(access.as_ref(), "ada", rotate("one", "two"))
        .await
        .unwrap();
    let reused = change(access.as_ref(), "ada", rotate("one", "three"))
        .await
        .unwrap_err();
    assert_eq!(reused.code, ErrorCode::TokenReused);
    let again = open(store).await;
    let ended = change(again.as_ref(), "ada", rotate("two", "three"))
        .await
        .unwrap_err();
    assert_eq!(
        ended.code,
        ErrorCode::InvalidToken,
        "the thief and the owner are both out"
    );
}

#[tokio::test]
async fn a_role_acts_at_once_and_is_taken_at_once() {
    let access = memory().await;
    change(access.as_ref(), "ada", make()).await.unwrap();
    let grant = Grant {
        id: Uuid::now_v7(),
        role: Role::AddressSpaceViewer,
        target: GrantTarget::Space(Uuid::now_v7()),
        prefix: None,
    };
    change(access.as_ref(), "ada", UserChange::Grant { grant: grant.clone() })
        .await
        .unwrap();
    let query = || UserQuery::complete("ada".to_owned());
    assert_eq!(
        access.get_user(&context(), query()).await.unwrap().grants.len(),
        1
    );
    let twice = Grant {
        id: Uuid::now_v7(),
        ..grant.clone()
    };
    assert_eq!(
        change(access.as_ref(), "ada", UserChange::Grant { grant: twice })
            .await
            .unwrap_err()
            .code,
        ErrorCode::Duplicate
    );
    change(access.as_ref(), "ada", UserChange::Revoke { grant: grant.id })
        .await
        .unwrap();
    assert!(
        access
            .get_user(&context(), query())
            .await
            .unwrap()
            .grants
            .is_empty()
    );
}

#[tokio::test]
async fn a_login_whose_answer_from_the_store_is_lost_happens_once() {
    let store = Arc::new(FaultStore::new(MemoryStore::new()));
    let access = open(Arc::clone(&store) as Arc<dyn Store>).await;
    change(access.as_ref(), "ada", make()).await.unwrap();
    store.plan().inject(Rule::once(Op::Commit, Fault::LostAnswer));
    let start = UserChange::StartSession {
        family: family("one"),
        max: 5,
    };
    let account = change(access.as_ref(), "ada", start).await.unwrap().unwrap();
    assert_eq!(account.sessions.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_changes_of_one_user_lose_nothing() {
    let access = memory().await;
    change(access.as_ref(), "ada", make()).await.unwrap();
    let mut tasks = Vec::new();
    for i in 0..20 {
        let access = Arc::clone(&access);
        tasks.push(tokio::spawn(async move {
            let start = UserChange::StartSession {
                family: family(&format!("{i}")),
                max: 100,
            };
            change(access.as_ref(), "ada", start).await.unwrap();
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let account = access
        .get_user(&context(), UserQuery::complete("ada".to_owned()))
        .await
        .unwrap();
    assert_eq!(account.sessions.len(), 20);
}

#[tokio::test]
async fn one_key_does_not_make_two_users() {
    let access = memory().await;
    let make = |name: &str| UserChangeRequest {
        name: name.to_owned(),
        change: make(),
        options: MutationOptions {
            idempotency: Some(IdempotencyKey {
                key_hash: "k".to_owned(),
                body_hash: name.to_owned(),
            }),
            ..MutationOptions::default()
        },
    };
    access.change_user(&context(), make("ada")).await.unwrap();
    let again = access.change_user(&context(), make("ada")).await.unwrap();
    assert!(matches!(
        again,
        UserChangeOutcome::Committed { replayed: true, .. }
    ));
    let other = access.change_user(&context(), make("bob")).await.unwrap_err();
    assert_eq!(other.code, ErrorCode::IdempotencyMismatch);
    let query = UserQuery::complete("bob".to_owned());
    assert_eq!(
        access.get_user(&context(), query).await.unwrap_err().code,
        ErrorCode::NotFound
    );
}

#[tokio::test]
async fn a_creation_is_answered_the_same_again_whatever_became_of_the_user() {
    let access = memory().await;
    let make = || UserChangeRequest {
        name: "ada".to_owned(),
        change: make(),
        options: MutationOptions {
            idempotency: Some(IdempotencyKey {
                key_hash: "k".to_owned(),
                body_hash: "b".to_owned(),
            }),
            ..MutationOptions::default()
        },
    };
    let told = |outcome: UserChangeOutcome| match outcome {
        UserChangeOutcome::Committed {
            account: Some(account),
            ..
        } => (
            account.created,
            account.modified,
            account.revision,
            account.grants.clone(),
        ),
        other => panic!("{other:?}"),
    };
    let first = told(access.change_user(&context(), make()).await.unwrap());
    let password = UserChange::SetPassword {
        password_hash: "another".to_owned(),
    };
    change(access.as_ref(), "ada", password).await.unwrap();
    assert_eq!(told(access.change_user(&context(), make()).await.unwrap()), first);
    change(access.as_ref(), "ada", UserChange::Delete).await.unwrap();
    assert_eq!(told(access.change_user(&context(), make()).await.unwrap()), first);
    let query = UserQuery::complete("ada".to_owned());
    let gone = access.get_user(&context(), query).await.unwrap_err();
    assert_eq!(gone.code, ErrorCode::NotFound, "answering again makes nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_administrators_who_remove_each_other_leave_one() {
    for _ in 0..20 {
        let access = memory().await;
        let grant = || Grant {
            id: Uuid::now_v7(),
            role: Role::SystemAdmin,
            target: GrantTarget::System,
            prefix: None,
        };
        for name in ["ada", "bob"] {
            let create = UserChange::Create {
                password_hash: "hash".to_owned(),
                grants: vec![grant()],
            };
            change(access.as_ref(), name, create).await.unwrap();
        }
        let remove = |actor: &'static str, name: &'static str| {
            let access = Arc::clone(&access);
            tokio::spawn(async move {
                let context = CallContext {
                    actor: actor.to_owned(),
                    ..context()
                };
                let request = UserChangeRequest {
                    name: name.to_owned(),
                    change: UserChange::Delete,
                    options: MutationOptions::default(),
                };
                access.change_user(&context, request).await.is_ok()
            })
        };
        let (one, two) = (remove("ada", "bob"), remove("bob", "ada"));
        assert_eq!(u8::from(one.await.unwrap()) + u8::from(two.await.unwrap()), 1);
    }
}

#[tokio::test]
async fn a_cursor_that_is_no_user_name_is_refused() {
    let access = memory().await;
    let page = PageRequest {
        limit: 1,
        after: Some("@".repeat(437)),
    };
    let error = access
        .list_users(
            &context(),
            UserListQuery {
                name_contains: None,
                page,
            },
        )
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidCursor);
}
