//! What has to be there before the first line: the space and the tag definitions.

use cadastre_api_types::public::{AddressSpace, AddressSpaceCreate, Tag, TagWrite};
use reqwest::Method;
use uuid::Uuid;

use super::api::{Api, Call, Content, Error, get};
use super::definitions;
use crate::failure::Failure;
use crate::terminal;

/// The space of that name, if there is one.
pub(super) async fn find_space(api: &Api, name: &str) -> Result<Option<AddressSpace>, Failure> {
    let mut url = api.url(&["addressspaces"]);
    url.query_pairs_mut()
        .append_pair("nameContains", name)
        .append_pair("limit", "1000");
    let spaces: Vec<AddressSpace> = api
        .list(url)
        .await
        .map_err(|error| error.into_failure("The address spaces cannot be listed"))?;
    // Names are unique without regard to case.
    let folded = name.to_lowercase();
    Ok(spaces
        .into_iter()
        .find(|space| space.name.to_lowercase() == folded))
}

/// Makes a space.
pub(super) async fn create_space(api: &Api, name: &str) -> Result<Uuid, Failure> {
    let body = AddressSpaceCreate {
        name: name.to_owned(),
        description: String::new(),
    };
    let call = call(Method::POST, api.url(&["addressspaces"]), &body)?;
    let answer = api
        .send(&call)
        .await
        .and_then(super::api::Answer::read::<AddressSpace>);
    let space = answer.map_err(|error| error.into_failure("The address space cannot be made"))?;
    terminal::complain(&format!("Made the address space {name} ({}).", space.id));
    Ok(space.id)
}

/// What became of the definitions.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Defined {
    pub(super) created: usize,
    pub(super) updated: usize,
}

/// Brings the tag definitions of a space to what is wanted. With `dry_run`, only counts what would change.
pub(super) async fn define_tags(
    api: &Api,
    space: Uuid,
    wanted: &[TagWrite],
    dry_run: bool,
) -> Result<Defined, Failure> {
    let space = space.to_string();
    let mut defined = Defined::default();
    for definition in wanted {
        let name = definition.name.as_deref().unwrap_or_default();
        let place = api.url(&["addressspaces", &space, "tags", name]);
        let refused = |error: Error| error.into_failure(&format!("The tag {name} cannot be defined"));
        let (method, url) = match api.send(&get(place.clone())).await {
            Ok(answer) => {
                if definitions::same(&answer.read::<Tag>().map_err(refused)?, definition) {
                    continue;
                }
                defined.updated += 1;
                (Method::PUT, place)
            }
            Err(Error::Refused(refusal)) if refusal.status == 404 => {
                defined.created += 1;
                (Method::POST, api.url(&["addressspaces", &space, "tags"]))
            }
            Err(error) => return Err(refused(error)),
        };
        if !dry_run {
            api.send(&call(method, url, definition)?).await.map_err(refused)?;
        }
    }
    if defined.created + defined.updated > 0 && !dry_run {
        terminal::complain(&format!(
            "Tags: {} created, {} updated.",
            defined.created, defined.updated
        ));
    }
    Ok(defined)
}

fn call(method: Method, url: reqwest::Url, body: &impl serde::Serialize) -> Result<Call, Failure> {
    let body = serde_json::to_value(body).map_err(|error| Failure::new(error.to_string()))?;
    let idempotency_key = (method == Method::POST).then(|| Uuid::new_v4().to_string());
    Ok(Call {
        method,
        url,
        body: Some(Content::Json(body)),
        idempotency_key,
    })
}
