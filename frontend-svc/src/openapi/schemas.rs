//! What the wire types cannot say about themselves: patterns, maps that are aliases in the code and would lose
//! their names, and the body of `POST …/tags`, which shares its type with `PUT` but needs a name.

use utoipa::openapi::schema::{AdditionalProperties, Object, Schema, SchemaType, Type};
use utoipa::openapi::{Components, ObjectBuilder, Ref, RefOr};

/// CIDR notation, roughly: what it means in full is for the parser to say.
const PREFIX: &str = "^[0-9A-Fa-f:.]+/[0-9]{1,3}$";
/// Names of tags.
const TAG_NAME: &str = "^[A-Za-z0-9][A-Za-z0-9_.:-]*$";
/// Names of spaces and values of tags: no control characters, no white space around.
const PRINTABLE: &str = "^[^\\s\\u0000-\\u001F\\u007F-\\u009F]([^\\u0000-\\u001F\\u007F-\\u009F]*\
                         [^\\s\\u0000-\\u001F\\u007F-\\u009F])?$";
/// Name that an alias of a map gets from the derive, whatever it maps to.
const NAMELESS_MAP: &str = "BTreeMap";

/// Name of the body of `POST …/tags`.
pub(super) const TAG_CREATE: &str = "TagCreate";

/// Makes the schemas say what the code enforces.
pub(super) fn refine(components: &mut Components) {
    name_maps(components);
    for (schema, field, pattern) in [
        ("AddressSpaceCreate", "name", PRINTABLE),
        ("AddressSpaceUpdate", "name", PRINTABLE),
        ("IpCreate", "prefix", PREFIX),
        ("IpUpdate", "prefix", PREFIX),
        ("Ip", "prefix", PREFIX),
        ("IpState", "prefix", PREFIX),
        ("Explanation", "prefix", PREFIX),
        ("IpResize", "prefix", PREFIX),
        ("TagWrite", "name", TAG_NAME),
        ("Tag", "name", TAG_NAME),
    ] {
        if let Some(property) = object(components, schema).and_then(|object| property(object, field)) {
            property.pattern = Some(pattern.to_owned());
        }
    }
    add_tag_create(components);
}

fn object<'a>(components: &'a mut Components, name: &str) -> Option<&'a mut Object> {
    match components.schemas.get_mut(name) {
        Some(RefOr::T(Schema::Object(object))) => Some(object),
        Some(_) | None => None,
    }
}

fn property<'a>(object: &'a mut Object, field: &str) -> Option<&'a mut Object> {
    match object.properties.get_mut(field) {
        Some(RefOr::T(Schema::Object(property))) => Some(property),
        Some(_) | None => None,
    }
}

/// Gives the two kinds of maps their names and points their users to them.
fn name_maps(components: &mut Components) {
    let tags = map_of(tag_name(), RefOr::T(tag_value().into()), "Tag name → value.");
    let free = ObjectBuilder::new().schema_type(Type::String).build();
    let inner = map_of(tag_value(), RefOr::T(free.into()), "");
    let values = map_of(
        tag_name(),
        RefOr::T(inner.into()),
        "`AttributeName -> [TagValue -> AttributeValue]`, or `ImpliedTagName -> [TagValue -> ImpliedTagValue]`.",
    );
    components
        .schemas
        .insert("TagMap".to_owned(), RefOr::T(tags.into()));
    components
        .schemas
        .insert("ValueMaps".to_owned(), RefOr::T(values.into()));
    components.schemas.remove(NAMELESS_MAP);
    for (schema, field, map) in [
        ("Ip", "tags", "TagMap"),
        ("IpState", "tags", "TagMap"),
        ("Ip", "resolvedTags", "TagMap"),
        ("IpCreate", "tags", "TagMap"),
        ("IpUpdate", "tags", "TagMap"),
        ("IpUpdate", "resolvedTags", "TagMap"),
        ("Allocate", "tags", "TagMap"),
        ("AllocateTagged", "tags", "TagMap"),
        ("AllocateTagged", "where", "TagMap"),
        ("IpSplit", "tags", "TagMap"),
        ("Tag", "attributes", "ValueMaps"),
        ("Tag", "implies", "ValueMaps"),
        ("TagWrite", "attributes", "ValueMaps"),
        ("TagWrite", "implies", "ValueMaps"),
    ] {
        if let Some(property) = object(components, schema).and_then(|object| object.properties.get_mut(field))
        {
            point_to(property, map);
        }
    }
}

fn tag_name() -> Object {
    let name = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(TAG_NAME));
    name.min_length(Some(1)).max_length(Some(64)).build()
}

fn tag_value() -> Object {
    let value = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(PRINTABLE));
    value.min_length(Some(1)).max_length(Some(256)).build()
}

fn map_of(names: Object, values: RefOr<Schema>, description: &str) -> Object {
    let mut map = ObjectBuilder::new()
        .schema_type(Type::Object)
        .property_names(Some(names))
        .additional_properties(Some(AdditionalProperties::RefOr(values)))
        .build();
    map.description = Some(description.to_owned()).filter(|text| !text.is_empty());
    map
}

/// Replaces a reference to the nameless map, also inside "this or null".
fn point_to(property: &mut RefOr<Schema>, map: &str) {
    match property {
        RefOr::Ref(reference) if reference.ref_location.ends_with(NAMELESS_MAP) => {
            let named = Ref::from_schema_name(map);
            reference.ref_location = named.ref_location;
        }
        RefOr::T(Schema::OneOf(either)) => either.items.iter_mut().for_each(|item| point_to(item, map)),
        RefOr::Ref(_) | RefOr::T(_) => {}
    }
}

fn add_tag_create(components: &mut Components) {
    let Some(write) = object(components, "TagWrite") else {
        return;
    };
    let mut create = write.clone();
    create.description = Some("Body of `POST …/tags`.".to_owned());
    create
        .properties
        .retain(|name, _| !matches!(name.as_str(), "createdOn" | "modifiedOn"));
    create.required.insert(0, "name".to_owned());
    if let Some(name) = property(&mut create, "name") {
        name.schema_type = SchemaType::Type(Type::String);
        name.description =
            Some("1 to 64 ASCII letters, digits, `_`, `-`, `.`, `:`; unique in its space.".to_owned());
    }
    components
        .schemas
        .insert(TAG_CREATE.to_owned(), RefOr::T(create.into()));
}
