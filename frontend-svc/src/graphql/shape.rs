//! The schema as a table of types and fields, read from the schema itself, so that no field can be forgotten.

use std::collections::HashMap;
use std::sync::LazyLock;

use async_graphql::Value;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, OperationType, Type, TypeKind, TypeSystemDefinition};

/// Items of a list that has no argument to say how many.
pub(super) const FEW: u64 = 10;

/// What is known of a field.
pub(super) struct Known {
    /// Its type.
    pub(super) ty: Type,
    /// The argument that says how many items there are at most, and how many there are without it.
    pub(super) sized: Option<(String, u64)>,
}

/// The fields of a type of things.
pub(super) type Fields = HashMap<String, Known>;

/// The fields of each type of things; those of introspection are not among them.
static TYPES: LazyLock<HashMap<String, Fields>> = LazyLock::new(|| {
    let document = match parse_schema(super::SCHEMA.sdl()) {
        Ok(document) => document,
        Err(error) => {
            tracing::error!(%error, "the schema cannot be read; queries are weighed by their fields only");
            return HashMap::new();
        }
    };
    let mut types = HashMap::new();
    for definition in document.definitions {
        let TypeSystemDefinition::Type(definition) = definition else {
            continue;
        };
        if let TypeKind::Object(object) = definition.node.kind {
            let fields = object.fields.into_iter().map(|field| {
                let field = field.node;
                let sized = field.arguments.iter().find_map(|argument| {
                    let (name, default) = (&argument.node.name.node, &argument.node.default_value);
                    let is_size = matches!(name.as_str(), "first" | "limit" | "count");
                    let default = default.as_ref().and_then(|default| whole(&default.node));
                    is_size.then(|| (name.to_string(), default.unwrap_or(FEW)))
                });
                let ty = field.ty.node;
                (field.name.node.to_string(), Known { ty, sized })
            });
            types.insert(definition.node.name.node.to_string(), fields.collect());
        }
    }
    types
});

/// The fields of a type, if it is one of things.
pub(super) fn fields_of(name: &str) -> Option<&'static Fields> {
    TYPES.get(name)
}

/// The name of the type that an operation begins with.
pub(super) fn root(operation: OperationType) -> &'static str {
    match operation {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    }
}

/// The type of what a field holds, or of the items of its list.
pub(super) fn named(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => named(inner),
    }
}

/// A whole number that is not negative.
pub(super) fn whole(value: &Value) -> Option<u64> {
    if let Value::Number(number) = value {
        number.as_u64()
    } else {
        None
    }
}
