//! Error answers in the document: one shared response per status, each with the codes it can carry, from the
//! one table of codes.

use std::fmt::Write;

use cadastre_api_types::ErrorCode;
use serde_json::json;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Components, ContentBuilder, Ref, ResponseBuilder};

/// An error status: its number, the name of its component, and what a client should know.
struct Shared {
    status: u16,
    name: &'static str,
    about: &'static str,
    header: Option<(&'static str, &'static str)>,
}

const SHARED: &[Shared] = &[
    Shared {
        status: 400,
        name: "BadRequest",
        about: "The request is malformed or breaks a rule.",
        header: None,
    },
    Shared {
        status: 401,
        name: "Unauthorized",
        about: "No token, or one that is not valid (any more).",
        header: Some(("WWW-Authenticate", "`Bearer`")),
    },
    Shared {
        status: 403,
        name: "Forbidden",
        about: "The caller may not do this.",
        header: None,
    },
    Shared {
        status: 404,
        name: "NotFound",
        about: "There is no such thing, or the caller may not know of it.",
        header: None,
    },
    Shared {
        status: 405,
        name: "MethodNotAllowed",
        about: "The path exists with other methods only.",
        header: Some(("Allow", "The methods that exist.")),
    },
    Shared {
        status: 408,
        name: "RequestTimeout",
        about: "The body did not arrive in time.",
        header: None,
    },
    Shared {
        status: 409,
        name: "Conflict",
        about: "The request contradicts what is there.",
        header: None,
    },
    Shared {
        status: 410,
        name: "Gone",
        about: "The past that was asked for is not there any more.",
        header: None,
    },
    Shared {
        status: 412,
        name: "PreconditionFailed",
        about: "The thing has changed since the `ETag` was given out.",
        header: None,
    },
    Shared {
        status: 413,
        name: "PayloadTooLarge",
        about: "The body is larger than 1 MiB.",
        header: None,
    },
    Shared {
        status: 415,
        name: "UnsupportedMediaType",
        about: "The body is not `application/json`.",
        header: None,
    },
    Shared {
        status: 429,
        name: "TooManyRequests",
        about: "Wait before the next request.",
        header: Some(("Retry-After", "Seconds to wait.")),
    },
    Shared {
        status: 503,
        name: "ServiceUnavailable",
        about: "Something behind the API is away; nothing was changed unless the message says so.",
        header: Some(("Retry-After", "Seconds to wait.")),
    },
];

/// Name of the shared response of a status.
pub(super) fn response_name(status: u16) -> Option<&'static str> {
    SHARED
        .iter()
        .find(|shared| shared.status == status)
        .map(|shared| shared.name)
}

/// Puts the shared responses among the components.
pub(super) fn add_responses(components: &mut Components) {
    for shared in SHARED {
        let codes: Vec<ErrorCode> = ErrorCode::ALL
            .iter()
            .copied()
            .filter(|code| code.status() == shared.status)
            .collect();
        let words: Vec<String> = codes.iter().map(|code| format!("`{}`", code.as_str())).collect();
        let mut content = ContentBuilder::new().schema(Some(Ref::from_schema_name("ErrorBody")));
        if let Some(code) = codes.first() {
            content = content.example(Some(example(*code)));
        }
        let mut response = ResponseBuilder::new()
            .description(format!("{} Codes: {}.", shared.about, words.join(", ")))
            .content("application/json", content.build());
        if let Some((name, description)) = shared.header {
            let text = ObjectBuilder::new().schema_type(Type::String).build();
            response = response.header(
                name,
                HeaderBuilder::new()
                    .schema(text)
                    .description(Some(description))
                    .build(),
            );
        }
        components
            .responses
            .insert(shared.name.to_owned(), response.build().into());
    }
}

fn example(code: ErrorCode) -> serde_json::Value {
    json!({
        "error": {
            "code": code.as_str(),
            "message": code.meaning().trim(),
            "correlationId": "0198a2b4-0000-7abc-8def-0123456789ab",
        }
    })
}

/// The description of the whole API: what holds for every call, and the table of codes.
pub(super) fn introduction() -> String {
    let mut text = String::from(
        "Cadastre is the land registry of address space: address spaces hold trees of prefixes, and tags that \
         flow down the trees and imply each other.\n\n\
         **Conventions.** JSON is camelCase; times are RFC 3339 in UTC; ids are UUIDs. Lists are plain arrays in \
         pages of `limit` items; the `Link` header with `rel=\"next\"` leads to the next page. Single things carry \
         an `ETag`; send it as `If-Match` with `PUT` and `DELETE` and a change that others made in between is not \
         overwritten. A `POST` with an `Idempotency-Key` can be sent again without being done twice. Every change \
         takes `?dryRun=true`. Unknown parameters and fields are refused by name. Every answer has an \
         `x-correlation-id`, which finds the request in the server's log.\n\n\
         **Errors.** Every error has the body `{\"error\": {\"code\", \"message\", \"details\"?, \"correlationId\"}}`. \
         The code is stable; the message says what to do next. A path that exists with other methods only is \
         answered with 405.\n\n\
         | Status | Code | When |\n|---|---|---|\n",
    );
    let mut codes: Vec<ErrorCode> = ErrorCode::ALL.to_vec();
    codes.sort_by_key(|code| code.status());
    for code in codes {
        // Writing into a String has no way to fail.
        let _ = writeln!(
            text,
            "| {} | `{}` | {} |",
            code.status(),
            code.as_str(),
            code.meaning().trim()
        );
    }
    text
}
