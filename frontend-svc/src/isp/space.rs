//! Which address space a call is about, when its path does not say.

use cadastre_api_types::internal::{
    Account, CallContext, DataAccess, Listed, PageRequest, SpaceListQuery, SpaceView,
};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::Scope;
use cadastre_domain::roles::{VisibleSpaces, visible_spaces};
use serde_json::json;
use uuid::Uuid;

use crate::http::path::parse_id;

/// Spaces that a client is offered to choose from.
const OFFERED: usize = 5;
/// Spaces that are looked through at a time.
const PAGE: usize = 1_000;

/// The space that a call names by its id or its name; without one the only space that the caller may know of. Whether the
/// caller may do something there is for others to check.
///
/// # Errors
/// `400 AddressSpaceRequired` naming up to five to choose from; `404` for a name that none has.
pub(crate) async fn resolve(
    access: &dyn DataAccess,
    account: &Account,
    correlation_id: &str,
    named: Option<&str>,
) -> Result<Uuid, ApiError> {
    if let Some(id) = named.and_then(parse_id) {
        return Ok(id);
    }
    let catalogue = Catalogue {
        access,
        context: CallContext {
            actor: account.name.clone(),
            correlation_id: correlation_id.to_owned(),
            scope: Scope::Whole,
        },
        visible: visible_spaces(&account.grants),
    };
    match named {
        Some(name) => catalogue.named(name).await,
        None => catalogue.only().await,
    }
}

/// The spaces that a caller may know of.
struct Catalogue<'a> {
    access: &'a dyn DataAccess,
    context: CallContext,
    visible: VisibleSpaces,
}

impl Catalogue<'_> {
    async fn page(
        &self,
        name: Option<&str>,
        limit: usize,
        after: Option<String>,
    ) -> Result<Listed<SpaceView>, ApiError> {
        let question = SpaceListQuery {
            only: match &self.visible {
                VisibleSpaces::All => None,
                VisibleSpaces::Only(spaces) => Some(spaces.clone()),
            },
            name_contains: name.map(str::to_owned),
            created_before: None,
            created_after: None,
            page: PageRequest { limit, after },
        };
        self.access.list_spaces(&self.context, question).await
    }

    async fn named(&self, name: &str) -> Result<Uuid, ApiError> {
        let wanted = name.to_lowercase();
        let mut after = None;
        loop {
            let found = self.page(Some(name), PAGE, after).await?;
            let same = |space: &&SpaceView| space.name.to_lowercase() == wanted;
            if let Some(space) = found.items.iter().find(same) {
                return Ok(space.id);
            }
            match found.next {
                Some(next) => after = Some(next),
                None => return Err(ApiError::not_found("address space")),
            }
        }
    }

    async fn only(&self) -> Result<Uuid, ApiError> {
        if let VisibleSpaces::Only(spaces) = &self.visible
            && let (Some(only), 1) = (spaces.first(), spaces.len())
        {
            return Ok(*only);
        }
        let mut found: Vec<SpaceView> = Vec::new();
        let mut after = None;
        loop {
            let page = self.page(None, OFFERED + 1, after).await?;
            found.extend(page.items);
            match page.next {
                Some(next) if found.len() <= OFFERED => after = Some(next),
                Some(_) | None => break,
            }
        }
        match found.as_slice() {
            [only] => Ok(only.id),
            several => Err(required(several)),
        }
    }
}

/// `400 AddressSpaceRequired`.
fn required(found: &[SpaceView]) -> ApiError {
    let offered: Vec<&SpaceView> = found.iter().take(OFFERED).collect();
    let names: Vec<&str> = offered.iter().map(|space| space.name.as_str()).collect();
    let choice = match (names.is_empty(), found.len() > OFFERED) {
        (true, _) => {
            "There is none that you may know of; create one, or ask an administrator for a role in one."
                .to_owned()
        }
        (false, false) => format!("Name one of {}.", names.join(", ")),
        (false, true) => format!("Name one, for example {}.", names.join(", ")),
    };
    let spaces: Vec<_> = offered
        .iter()
        .map(|space| json!({ "id": space.id, "name": space.name }))
        .collect();
    ApiError::new(
        ErrorCode::AddressSpaceRequired,
        format!(
            "This call is about one address space: send its id or name in the header X-Address-Space, the parameter \
             addressSpaceId or, in GraphQL, the argument addressSpace. {choice}"
        ),
    )
    .with_details(json!({ "addressSpaces": spaces }))
}
