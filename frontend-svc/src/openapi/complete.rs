//! Completes each operation from the table of routes: who may call it, which errors it can answer, and the two
//! shapes of what answers 200 with a thing and may be a dry run.

use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{OneOfBuilder, OpenApi, Ref, RefOr, Required, Schema};

use super::BEARER;
use super::errors::response_name;
use super::schemas::TAG_CREATE;
use crate::http::called_space;
use crate::routes::table::{Needs, ROUTES, RouteSpec};

/// Completes every operation of the table.
pub(super) fn operations(document: &mut OpenApi) {
    for route in ROUTES {
        if let Some(item) = document.paths.paths.get_mut(route.path)
            && let Some(operation) = operation_of(item, route.method)
        {
            complete(route, operation);
        }
    }
}

/// The operation of a method.
pub(super) fn operation_of<'a>(item: &'a mut PathItem, method: &str) -> Option<&'a mut Operation> {
    match method {
        "GET" => item.get.as_mut(),
        "PUT" => item.put.as_mut(),
        "POST" => item.post.as_mut(),
        "DELETE" => item.delete.as_mut(),
        "PATCH" => item.patch.as_mut(),
        _ => None,
    }
}

fn complete(route: &RouteSpec, operation: &mut Operation) {
    let permission = match route.needs {
        Needs::Public => None,
        Needs::Authenticated => Some("Needs a valid token.".to_owned()),
        Needs::SelfOrSystem(permission) => Some(format!(
            "For the user themselves, or with the permission `{}` in the whole system.",
            permission.as_str()
        )),
        Needs::System(permission) => Some(format!(
            "Needs the permission `{}` in the whole system.",
            permission.as_str()
        )),
        Needs::IspSpace(permission) => Some(format!(
            "Needs the permission `{}` in the address space of the call: the one that `X-Address-Space` or \
             `addressSpaceId` names, else the only one that the caller may know of.",
            permission.as_str()
        )),
        Needs::Space(permission) => Some(format!(
            "Needs the permission `{}` in the address space.",
            permission.as_str()
        )),
    };
    if let Needs::IspSpace(_) = route.needs {
        name_space(operation);
    }
    operation.security = Some(match permission {
        None => Vec::new(),
        Some(_) => vec![SecurityRequirement::new::<_, [&str; 0], &str>(BEARER, [])],
    });
    if let Some(permission) = permission {
        let text = match operation.description.take() {
            Some(text) if !text.is_empty() => format!("{text}\n\n{permission}"),
            Some(_) | None => permission,
        };
        operation.description = Some(text);
    }
    if operation
        .parameters
        .iter()
        .flatten()
        .any(|parameter| parameter.name == "dryRun")
    {
        allow_plan(operation);
    }
    if operation.operation_id.as_deref() == Some("createTag") {
        require_name(operation);
    }
    refuse_null_body(operation);
    for status in error_statuses(route, operation) {
        if let Some(name) = response_name(status) {
            let shared = RefOr::Ref(Ref::from_response_name(name));
            operation
                .responses
                .responses
                .entry(status.to_string())
                .or_insert(shared);
        }
    }
}

/// The two ways to name the address space of a call whose path has none.
fn name_space(operation: &mut Operation) {
    let text = || ObjectBuilder::new().schema_type(Type::String).build();
    let parameter = |name: &str, place: ParameterIn, about: &str| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(place)
            .required(Required::False)
            .description(Some(about))
            .schema(Some(text()))
            .build()
    };
    let parameters = operation.parameters.get_or_insert_default();
    parameters.push(parameter(
        called_space::HEADER,
        ParameterIn::Header,
        "Id or name of the address space. Not needed by who may know of one only.",
    ));
    parameters.push(parameter(
        called_space::PARAMETER,
        ParameterIn::Query,
        "The same as a parameter. Where both are sent, they must be equal.",
    ));
}

/// The errors that a call can answer, as follows from what it is.
fn error_statuses(route: &RouteSpec, operation: &Operation) -> Vec<u16> {
    // Whatever is called: an address may be denied, callers may be too many, what is behind may be away.
    let mut statuses = vec![403, 429, 503];
    if route.path.starts_with("/api/") || route.path == "/graphql" {
        statuses.push(400);
    }
    if route.needs != Needs::Public {
        statuses.push(401);
    }
    let names_space = operation
        .parameters
        .iter()
        .flatten()
        .any(|parameter: &Parameter| parameter.name == "addressSpaceId");
    if route.path.contains('{') || names_space {
        statuses.push(404);
    }
    if route.method != "GET" && route.needs != Needs::Public {
        statuses.push(409);
    }
    if operation
        .parameters
        .iter()
        .flatten()
        .any(|parameter: &Parameter| parameter.name == "If-Match")
    {
        statuses.push(412);
    }
    if operation
        .parameters
        .iter()
        .flatten()
        .any(|parameter: &Parameter| matches!(parameter.name.as_str(), "since" | "asOf" | "version"))
    {
        statuses.push(410);
    }
    if operation.request_body.is_some() {
        statuses.extend([408, 413, 415]);
    }
    statuses
}

/// What answers 200 with the thing answers it with a plan, too, of what would change.
fn allow_plan(operation: &mut Operation) {
    let Some(RefOr::T(response)) = operation.responses.responses.get_mut("200") else {
        return;
    };
    for content in response.content.values_mut() {
        let plan = Ref::from_schema_name("DryRun");
        let is_plan =
            matches!(&content.schema, Some(RefOr::Ref(thing)) if thing.ref_location == plan.ref_location);
        if is_plan {
            continue;
        }
        if let Some(thing) = content.schema.take() {
            let either = OneOfBuilder::new().item(thing).item(plan).build();
            content.schema = Some(RefOr::T(Schema::OneOf(either)));
        }
    }
}

/// `POST …/tags` shares its type with `PUT`, but only `PUT` has the name in its path.
fn require_name(operation: &mut Operation) {
    let contents = operation
        .request_body
        .iter_mut()
        .flat_map(|body| body.content.values_mut());
    for content in contents {
        content.schema = Some(RefOr::Ref(Ref::from_schema_name(TAG_CREATE)));
    }
}

/// A body that may be missing is missing, not `null`: what the derive says of an `Option` is not what is read.
fn refuse_null_body(operation: &mut Operation) {
    let contents = operation
        .request_body
        .iter_mut()
        .flat_map(|body| body.content.values_mut());
    for content in contents {
        if let Some(RefOr::T(Schema::OneOf(either))) = &content.schema {
            let reference = either
                .items
                .iter()
                .find(|item| matches!(item, RefOr::Ref(_)))
                .cloned();
            content.schema = reference.or_else(|| content.schema.take());
        }
    }
}
