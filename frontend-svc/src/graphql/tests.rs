//! What the schema promises, and what a document may ask for.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use async_graphql::ServerError;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};
use cadastre_api_types::{ApiError, ErrorCode};
use serde_json::json;

use super::document::{Asked, Document};
use super::graphql_schema;
use super::limits::{MAX_COST, MAX_DEPTH, check_brackets};

fn asked(query: &str) -> Asked {
    Asked {
        query: query.to_owned(),
        operation_name: None,
        variables: None,
        extensions: None,
    }
}

fn refused(error: &ServerError) -> ApiError {
    error.source::<ApiError>().unwrap().clone()
}

/// Why a document is not even looked at.
#[track_caller]
fn refusal(query: &str) -> ApiError {
    refused(&Document::read(asked(query)).err().unwrap())
}

#[track_caller]
fn fits(query: &str) {
    if let Err(error) = Document::read(asked(query)) {
        panic!("{query}: {}", error.message);
    }
}

#[test]
fn the_committed_copy_is_this_schema() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/schema.graphql");
    if std::env::var_os("CADASTRE_WRITE_SCHEMA").is_some() {
        std::fs::write(path, graphql_schema()).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed.trim() == graphql_schema().trim(),
        "docs/schema.graphql is not what the code says. Look at the difference and, if it is meant, update it:\n    \
         CADASTRE_WRITE_SCHEMA=1 cargo test -p cadastre-frontend --lib graphql"
    );
}

/// A field: its arguments, and its type.
type Field = (BTreeMap<String, String>, String);
type Things = BTreeMap<String, BTreeMap<String, Field>>;
type Words = BTreeMap<String, Vec<String>>;

/// The types of things with their fields, and the enumerations with their words.
fn schema() -> (Things, Words) {
    let (mut things, mut words) = (BTreeMap::new(), BTreeMap::new());
    for definition in parse_schema(graphql_schema()).unwrap().definitions {
        let TypeSystemDefinition::Type(definition) = definition else {
            continue;
        };
        let name = definition.node.name.node.to_string();
        if let TypeKind::Object(object) = definition.node.kind {
            let fields = object.fields.into_iter().map(|field| {
                let arguments = field.node.arguments.iter().map(|argument| {
                    let needed = argument.node.ty.node.to_string();
                    // What has a default need not be sent.
                    let optional = argument.node.default_value.is_some();
                    let shown = if optional {
                        needed.trim_end_matches('!')
                    } else {
                        &needed
                    };
                    (argument.node.name.node.to_string(), shown.to_owned())
                });
                (
                    field.node.name.node.to_string(),
                    (arguments.collect(), field.node.ty.node.to_string()),
                )
            });
            things.insert(name, fields.collect());
        } else if let TypeKind::Enum(of) = definition.node.kind {
            let values = of
                .values
                .into_iter()
                .map(|value| value.node.value.node.to_string());
            words.insert(name, values.collect());
        }
    }
    (things, words)
}

#[test]
fn types_have_the_names_and_the_nullability_of_the_seed() {
    let (things, words) = schema();
    for (thing, fields) in [
        (
            "IPPool",
            "id: ID!, poolName: String!, poolType: IPPoolType!, networkCidr: String!, gateway: String, dnsServers: [String!], \
             vlanId: Int, status: IPPoolStatus!, totalAddresses: BigInt!, reservedCount: BigInt!, assignedCount: BigInt!, \
             availableCount: BigInt!, utilizationPercent: Float!, autoAssignEnabled: Boolean!, description: String, \
             createdAt: DateTime!, updatedAt: DateTime!",
        ),
        (
            "IPReservation",
            "id: ID!, poolId: ID!, subscriberId: String!, ipAddress: String!, ipType: String!, status: \
             IPReservationStatus!, reservedAt: DateTime!, assignedAt: DateTime, releasedAt: DateTime, expiresAt: DateTime, \
             assignedBy: String, notes: String",
        ),
        (
            "IPConflict",
            "ipAddress: String!, conflictType: ConflictType!, existingReservation: IPReservation, severity: \
             ConflictSeverity!",
        ),
        (
            "PoolUtilization",
            "poolId: ID!, total: BigInt!, reserved: BigInt!, assigned: BigInt!, available: BigInt!, utilizationPercent: \
             Float!, projectedDepletionDate: DateTime",
        ),
    ] {
        for field in fields.split(", ") {
            let (name, ty) = field.split_once(": ").unwrap();
            assert_eq!(things[thing][name].1, ty, "{thing}.{name}");
        }
    }
    for (name, expected) in [
        (
            "IPPoolType",
            "IPV4_PUBLIC IPV4_PRIVATE IPV6_GLOBAL IPV6_ULA IPV6_PREFIX_DELEGATION",
        ),
        ("IPPoolStatus", "ACTIVE RESERVED DEPLETED MAINTENANCE"),
        ("IPReservationStatus", "RESERVED ASSIGNED RELEASED EXPIRED"),
    ] {
        assert_eq!(words[name].join(" "), expected);
    }
}

#[test]
fn queries_and_mutations_have_the_names_the_arguments_and_the_types_of_the_seed() {
    let (things, _) = schema();
    for (root, field, arguments, answer) in [
        ("Query", "ipPools", "filters: IPPoolFilters", "[IPPool!]!"),
        ("Query", "ipPool", "id: ID!", "IPPool"),
        (
            "Query",
            "ipReservations",
            "filters: ReservationFilters",
            "[IPReservation!]!",
        ),
        (
            "Query",
            "subscriberIPs",
            "subscriberId: String!",
            "[IPReservation!]!",
        ),
        (
            "Query",
            "checkIPConflicts",
            "ipAddress: String!",
            "[IPConflict!]!",
        ),
        ("Query", "poolUtilization", "poolId: ID!", "PoolUtilization!"),
        ("Mutation", "createIPPool", "input: CreateIPPoolInput!", "IPPool!"),
        (
            "Mutation",
            "updateIPPool",
            "id: ID!, input: UpdateIPPoolInput!",
            "IPPool!",
        ),
        ("Mutation", "deleteIPPool", "id: ID!", "Boolean!"),
        (
            "Mutation",
            "reserveIP",
            "input: ReserveIPInput!",
            "IPReservation!",
        ),
        (
            "Mutation",
            "assignIPAuto",
            "subscriberId: String!, poolId: ID!",
            "IPReservation!",
        ),
        ("Mutation", "releaseIP", "reservationId: ID!", "Boolean!"),
    ] {
        let (taken, ty) = &things[root][field];
        assert_eq!(ty, answer, "{field}");
        let named: BTreeMap<&str, &str> = arguments
            .split(", ")
            .map(|one| one.split_once(": ").unwrap())
            .collect();
        for (name, ty) in &named {
            assert_eq!(taken[*name], *ty, "{field}({name})");
        }
        // Nothing else is needed than what the seed names.
        let mut needed = taken.iter().filter(|(_, ty)| ty.ends_with('!'));
        assert!(
            needed.all(|(name, _)| named.contains_key(name.as_str())),
            "{field}: {taken:?}"
        );
    }
}

#[test]
fn every_field_of_the_roots_takes_an_address_space_and_every_change_an_idempotency_key() {
    let (things, _) = schema();
    for root in ["Query", "Mutation", "Subscription"] {
        assert!(things[root].len() >= 2);
        for (field, (taken, _)) in &things[root] {
            assert_eq!(taken["addressSpace"], "String", "{field}");
            assert_eq!(
                taken.contains_key("idempotencyKey"),
                root == "Mutation",
                "{field}"
            );
        }
    }
}

fn nested(levels: usize) -> String {
    // pool → reservations → nodes → pool …
    let mut query = "id".to_owned();
    for level in (0..levels - 1).rev() {
        let field = if level == 0 {
            "ipPools(limit: 1)"
        } else {
            ["nodes", "pool", "reservations(first: 1)"][(level + 1) % 3]
        };
        query = format!("{field} {{ {query} }}");
    }
    format!("{{ {query} }}")
}

#[test]
fn a_document_is_at_most_twelve_levels_deep_and_one_of_thirty_is_told_the_limit() {
    fits(&nested(MAX_DEPTH));
    for levels in [MAX_DEPTH + 1, 30] {
        let error = refusal(&nested(levels));
        assert_eq!(error.code, ErrorCode::QueryTooLarge);
        assert!(
            error.message.contains(&format!("{levels} levels")) && error.message.contains("12 levels"),
            "{}",
            error.message
        );
        assert_eq!(error.details, Some(json!({ "limited": "depth", "limit": 12 })));
    }
}

#[test]
fn fragments_count_where_they_are_named() {
    let chained: String = (0..12)
        .map(|n| format!("fragment f{n} on IPReservation {{ pool {{ reservations(first: 1) {{ nodes {{ ...f{} }} }} }} }} ", n + 1))
        .collect();
    let error = refusal(&format!(
        "{{ ipReservations {{ ...f0 }} }} {chained} fragment f12 on IPReservation {{ id }}"
    ));
    assert_eq!(error.code, ErrorCode::QueryTooLarge);

    let error = refusal("{ ipPools { ...a } } fragment a on IPPool { ...b } fragment b on IPPool { ...a }");
    assert_eq!(error.code, ErrorCode::InvalidQuery);
    assert!(error.message.contains("contains itself"), "{}", error.message);
}

#[test]
fn fragments_that_name_each_other_twice_are_refused_at_once() {
    // 2^40 fields if they were walked one by one.
    let doubled: String = (0..40)
        .map(|n| format!("fragment f{n} on IPPool {{ ...f{0} ...f{0} }} ", n + 1))
        .collect();
    let error = refusal(&format!(
        "{{ ipPools {{ ...f0 }} }} {doubled} fragment f40 on IPPool {{ id }}"
    ));
    assert_eq!(error.code, ErrorCode::QueryTooLarge);
    let unused = refusal(&format!(
        "{{ ipPools {{ id }} }} {doubled} fragment f40 on IPPool {{ id }}"
    ));
    assert_eq!(unused.details.unwrap()["limited"], "fields");
}

#[test]
fn lists_cost_their_size_times_what_is_asked_for_of_an_item() {
    fits("{ ipPools(limit: 1000) { id poolName networkCidr status availableCount utilizationPercent } }");
    fits(
        "{ ipReservations(limit: 1000) { ipAddress pool { poolName availableCount } subscriber { id status } } }",
    );
    fits("{ ipPools(limit: 50) { poolName reservations(first: 20) { nodes { ipAddress subscriberId } } } }");
    for query in [
        "{ ipPools(limit: 1000) { reservations(first: 100) { nodes { id } } } }",
        "query q($n: Int = 1000) { ipPools(limit: $n) { reservations(first: $n) { nodes { id } } } }",
        "{ ipPools { reservations { nodes { pool { reservations { nodes { pool { reservations { nodes { id } } } } } } } } } }",
    ] {
        let error = refusal(query);
        assert_eq!(error.code, ErrorCode::QueryTooLarge, "{query}");
        assert!(error.message.contains(&MAX_COST.to_string()), "{}", error.message);
        assert_eq!(error.details.unwrap()["limited"], "cost");
    }
    let mut by_variable =
        asked("query q($n: Int!) { ipPools(limit: $n) { reservations(first: $n) { nodes { id } } } }");
    let sent = |n: u32| json!({ "n": n }).as_object().cloned();
    by_variable.variables = sent(10);
    assert!(Document::read(by_variable.clone()).is_ok());
    by_variable.variables = sent(1000);
    assert!(Document::read(by_variable).is_err());
}

#[test]
fn aliases_do_not_multiply_changes_without_end() {
    let changes = |count: usize| {
        let fields: String = (0..count)
            .map(|n| format!("a{n}: releaseIP(reservationId: \"x\") "))
            .collect();
        format!("mutation {{ {fields} }}")
    };
    fits(&changes(40));
    assert_eq!(refusal(&changes(60)).code, ErrorCode::QueryTooLarge);
    let spread: String = (0..60).map(|n| format!("...f{n} ")).collect();
    let fragments: String = (0..60)
        .map(|n| format!("fragment f{n} on Mutation {{ a{n}: releaseIP(reservationId: \"x\") }} "))
        .collect();
    assert_eq!(
        refusal(&format!("mutation {{ {spread} }} {fragments}")).code,
        ErrorCode::QueryTooLarge
    );
}

/// What tools send to learn a schema (as of graphql-js 16).
const INTROSPECTION: &str = "query IntrospectionQuery { __schema { queryType { name } mutationType { name } \
    subscriptionType { name } types { ...FullType } directives { name description locations args { ...InputValue } } } } \
    fragment FullType on __Type { kind name description fields(includeDeprecated: true) { name description args { \
    ...InputValue } type { ...TypeRef } isDeprecated deprecationReason } inputFields { ...InputValue } interfaces { \
    ...TypeRef } enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason } possibleTypes { \
    ...TypeRef } } fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue } fragment \
    TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { \
    kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } } } }";

#[test]
fn tools_may_ask_for_the_schema_but_not_for_types_of_types_without_end() {
    fits(INTROSPECTION);
    let circle =
        "{ __schema { types { fields { type { fields { type { fields { type { name } } } } } } } } }";
    assert_eq!(refusal(circle).code, ErrorCode::QueryTooLarge);
}

#[test]
fn brackets_are_counted_where_they_are_brackets() {
    assert!(check_brackets(&"a:1 ".repeat(5_001)).is_err());
    assert!(check_brackets(&"\"a:1\" ".repeat(5_001)).is_ok());
    assert!(check_brackets(&"(".repeat(65)).is_err());
    assert!(check_brackets(&"[]".repeat(5_000)).is_ok());
    let many = "[".repeat(500);
    for harmless in [
        format!("{{ a(b: \"{many}\") }}"),
        format!("{{ a(b: \"\\\"{many}\") }}"),
        format!("{{ a(b: \"\"\"\n{many} \" \"\" \\\"\"\" {many}\n\"\"\") }}"),
        format!("{{ a # {many}\n }}"),
    ] {
        assert!(check_brackets(&harmless).is_ok(), "{harmless}");
    }
    for hidden in [
        format!("{{ a(b: \"\"\" \" \"\"\" {many}"),
        format!("{{ a(b: \"\" {many}"),
        format!("{{ a(b: \"\\\\\" {many}"),
        format!("# \"\n{many}"),
        format!("\"unclosed\n{many}"),
    ] {
        assert!(check_brackets(&hidden).is_err(), "{hidden}");
    }
}

#[test]
fn what_is_no_graphql_is_said_with_its_place() {
    let error = Document::read(asked("{ ipPools { ")).err().unwrap();
    assert!(!error.locations.is_empty() && error.source::<ApiError>().is_none());
}

mod never_panics {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
            let _ = Document::read(asked(&text));
        }

        #[test]
        fn any_heap_of_tokens_is_read_or_refused(
            tokens in proptest::collection::vec(
                prop::sample::select(vec![
                    "{", "}", "(", ")", "[", "]", "\"", "\"\"\"", "\\", "#", "\n", "ipPools", "fragment", "on", "IPPool",
                    "...a", "a", ":", "$n", "limit: 5", "query", "mutation", "@skip(if: true)", "1", "!", "=",
                ]),
                0..80,
            ),
        ) {
            let _ = Document::read(asked(&tokens.join(" ")));
        }
    }
}

#[test]
fn of_very_many_mistakes_the_first_are_told() {
    let mistakes: Vec<ServerError> = (0..500)
        .map(|number| ServerError::new(format!("mistake {number}"), None))
        .collect();
    let told = super::errors::shown(&mistakes, "c");
    let told = told.as_array().unwrap();
    assert_eq!(told.len(), 21);
    assert_eq!(told[0]["message"], "mistake 0.");
    assert!(
        told[20]["message"].as_str().unwrap().starts_with("480 more"),
        "{}",
        told[20]
    );
}
