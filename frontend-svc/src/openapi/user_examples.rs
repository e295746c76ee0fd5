//! Examples of users, roles and API tokens, that fit those of the address plan.

use serde_json::{Value, json};

const SPACE: &str = "0198a2b4-5c6d-7e8f-9012-3456789abcde";

/// A role.
pub(crate) fn grant() -> Value {
    json!({
        "id": "0198a2b4-8888-7abc-8def-0123456789ab",
        "role": "AddressSpaceOperator",
        "addressSpaceId": SPACE,
        "prefix": "10.1.0.0/16",
    })
}

/// Body that gives a role.
pub(crate) fn grant_create() -> Value {
    json!({ "role": "AddressSpaceOperator", "addressSpaceId": SPACE, "prefix": "10.1.0.0/16" })
}

/// A user with a role.
pub(crate) fn user() -> Value {
    json!({
        "username": "ada",
        "roles": [grant()],
        "createdOn": "2026-01-31T09:30:00.123456Z",
        "modifiedOn": "2026-02-01T08:00:00.5Z",
    })
}

/// A new user.
pub(crate) fn user_without_roles() -> Value {
    json!({
        "username": "ada",
        "roles": [],
        "createdOn": "2026-01-31T09:30:00.123456Z",
        "modifiedOn": "2026-01-31T09:30:00.123456Z",
    })
}

/// An API token as it is listed.
pub(crate) fn token() -> Value {
    json!({
        "id": "0198a2b4-9999-7abc-8def-0123456789ab",
        "name": "ci-import",
        "createdOn": "2026-01-31T09:30:00.123456Z",
        "expiresOn": "2026-05-01T09:30:00.123456Z",
    })
}

/// An API token as it is shown once.
pub(crate) fn token_created() -> Value {
    let mut created = token();
    created["token"] =
        json!("cad_YWRh.0198a2b499997abc8def0123456789ab.c2hvd24gb25jZSBhbmQgbmV2ZXIgYWdhaW4gISE");
    created
}

#[cfg(test)]
mod tests {
    use super::*;
    use cadastre_api_types::public::{ApiToken, ApiTokenCreated, RoleGrant, RoleGrantCreate, User};

    #[test]
    fn the_examples_are_of_their_types() -> Result<(), serde_json::Error> {
        serde_json::from_value::<RoleGrant>(grant())?;
        serde_json::from_value::<RoleGrantCreate>(grant_create())?;
        serde_json::from_value::<User>(user())?;
        serde_json::from_value::<User>(user_without_roles())?;
        serde_json::from_value::<ApiToken>(token())?;
        serde_json::from_value::<ApiTokenCreated>(token_created())?;
        Ok(())
    }
}
