//! How much one request may ask for. All of it is found before anything runs, and before the library looks at a document:
//! its own rules walk fragments at every place that names them, which a small document can make very many.

use std::collections::HashMap;

use async_graphql::parser::types::{
    BaseType, ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet, Type,
};
use async_graphql::{Name, Positioned, ServerError, Value, Variables};
use cadastre_api_types::{ApiError, ErrorCode};
use serde_json::json;

use super::errors::refusal;
use super::shape::{FEW, Known, fields_of, named, root, whole};

/// Most levels of fields.
pub(super) const MAX_DEPTH: usize = 12;
/// Most that an operation may cost.
pub(super) const MAX_COST: u64 = 100_000;
/// Most fields of a document, those of a fragment counted at every place that names it.
const MAX_FIELDS: u64 = 20_000;
/// Most operations of a document.
const MAX_OPERATIONS: usize = 20;
/// Most brackets within each other, and most fragments.
const MAX_BRACKETS: usize = 64;
/// Most arguments, aliases, variables and directives of a document: each of them can be a mistake that is told.
const MAX_MARKS: usize = 5_000;
/// Most levels beneath `__schema` and `__type`: tools look at types of types of types.
const MAX_SCHEMA_DEPTH: usize = 20;
/// Most lists of fields within lists of fields beneath them: each makes an answer many times larger.
const MAX_SCHEMA_LISTS: usize = 2;
/// What a field costs that reads by itself.
const READ: u64 = 50;
/// What a change costs.
const WRITE: u64 = 2_000;
/// Fields that read much more than others.
const HEAVY: [(&str, u64); 2] = [("ipStats", 1_000), ("poolStats", 150)];

/// Refuses texts whose brackets go very deep, because whoever reads them goes as deep, and texts with very many arguments, aliases,
/// variables and directives, which the library checks one by one before anything of ours is asked.
///
/// # Errors
/// `400 QueryTooLarge`.
pub(super) fn check_brackets(text: &str) -> Result<(), ServerError> {
    let (mut depth, mut marks) = (0_usize, 0_usize);
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = match first {
            b'"' => behind_string(rest),
            b'#' => {
                let end = behind.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
                behind.get(end.unwrap_or(behind.len())..).unwrap_or_default()
            }
            _ => behind,
        };
        match first {
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            b':' | b'@' | b'$' => marks += 1,
            _ => {}
        }
        if marks > MAX_MARKS {
            return Err(too_large(
                format!(
                    "This document has more than {MAX_MARKS} arguments, aliases, variables and directives; ask for less at a time."
                ),
                "arguments",
                MAX_MARKS as u64,
            ));
        }
        if depth > MAX_BRACKETS {
            return Err(too_large(
                format!(
                    "This document has more than {MAX_BRACKETS} brackets within each other; ask for less at a time."
                ),
                "brackets",
                MAX_BRACKETS as u64,
            ));
        }
    }
    Ok(())
}

/// What stands behind the string that a text begins with (GraphQL §2.9.4), a block of lines or one line.
fn behind_string(text: &[u8]) -> &[u8] {
    if let Some(mut rest) = text.strip_prefix(b"\"\"\"") {
        loop {
            rest = match rest {
                [b'"', b'"', b'"', behind @ ..] => return behind,
                [b'\\', b'"', b'"', b'"', behind @ ..] | [_, behind @ ..] => behind,
                [] => return rest,
            };
        }
    }
    let mut rest = text.get(1..).unwrap_or_default();
    loop {
        rest = match rest {
            [b'"', behind @ ..] => return behind,
            [b'\\', _, behind @ ..] => behind,
            // It does not end: the reader will say so.
            [b'\n' | b'\r', ..] | [] => return rest,
            [_, behind @ ..] => behind,
        };
    }
}

/// Refuses documents that ask for too much.
///
/// # Errors
/// `400 QueryTooLarge` naming the limit; `400 InvalidQuery` for a fragment that contains itself.
pub(super) fn check(document: &ExecutableDocument, variables: &Variables) -> Result<(), ServerError> {
    if document.operations.iter().count() > MAX_OPERATIONS {
        return Err(too_large(
            format!("This document has more than {MAX_OPERATIONS} operations; send the one that is meant."),
            "operations",
            MAX_OPERATIONS as u64,
        ));
    }
    let mut fields = 0_u64;
    for (_, operation) in document.operations.iter() {
        let mut scale = Scale::new(document, variables, &operation.node);
        let measure = scale.operation(&operation.node)?;
        fields = fields.saturating_add(measure.fields);
        // Those that nobody names are looked at, too.
        for name in document.fragments.keys() {
            fields = fields.saturating_add(scale.fragment(name, 0)?.fields);
        }
        if measure.depth > MAX_DEPTH {
            return Err(too_deep(measure.depth));
        }
        if measure.cost > MAX_COST {
            return Err(too_large(
                format!(
                    "This operation would cost {}, and one request may cost {MAX_COST} at most: lists cost their size times \
                     what is asked for of an item, a change costs {WRITE}. Ask for fewer items (`first`, `limit`), fewer \
                     fields or fewer changes at a time.",
                    measure.cost
                ),
                "cost",
                MAX_COST,
            ));
        }
    }
    if fields > MAX_FIELDS {
        return Err(too_large(
            format!(
                "This document asks for {fields} fields, those of fragments counted at every place that names them, and may \
                 ask for {MAX_FIELDS} at most."
            ),
            "fields",
            MAX_FIELDS,
        ));
    }
    Ok(())
}

/// `400 QueryTooLarge`.
fn too_large(message: String, what: &str, limit: u64) -> ServerError {
    let details = json!({ "limited": what, "limit": limit });
    refusal(ApiError::new(ErrorCode::QueryTooLarge, message).with_details(details))
}

fn too_deep(depth: usize) -> ServerError {
    too_large(
        format!(
            "This document nests fields {depth} levels deep, and may nest them {MAX_DEPTH} levels deep at most. Ask for \
             what is further down in another request."
        ),
        "depth",
        MAX_DEPTH as u64,
    )
}

fn is_list_of_things(ty: &Type) -> bool {
    matches!(ty.base, BaseType::List(_)) && fields_of(named(ty)).is_some()
}

/// How much a selection asks for.
#[derive(Clone, Copy, Default)]
struct Measure {
    /// Levels of fields.
    depth: usize,
    cost: u64,
    fields: u64,
    /// Fields that are not beneath others of it.
    top: u64,
    /// Lists of fields within lists of fields, beneath `__schema`.
    lists: usize,
}

impl Measure {
    fn beside(self, other: Self) -> Self {
        Self {
            depth: self.depth.max(other.depth),
            cost: self.cost.saturating_add(other.cost),
            fields: self.fields.saturating_add(other.fields),
            top: self.top.saturating_add(other.top),
            lists: self.lists.max(other.lists),
        }
    }
}

/// Weighs one operation. Each fragment is weighed once, however often it is named.
struct Scale<'a> {
    document: &'a ExecutableDocument,
    variables: &'a Variables,
    defaults: HashMap<&'a str, &'a Value>,
    /// `None` = it is being weighed.
    fragments: HashMap<&'a str, Option<Measure>>,
}

impl<'a> Scale<'a> {
    fn new(
        document: &'a ExecutableDocument,
        variables: &'a Variables,
        operation: &'a OperationDefinition,
    ) -> Self {
        let defaults = operation.variable_definitions.iter().filter_map(|definition| {
            let default = definition.node.default_value.as_ref()?;
            Some((definition.node.name.node.as_str(), &default.node))
        });
        Self {
            document,
            variables,
            defaults: defaults.collect(),
            fragments: HashMap::new(),
        }
    }

    fn operation(&mut self, operation: &'a OperationDefinition) -> Result<Measure, ServerError> {
        let each = match operation.ty {
            OperationType::Query | OperationType::Subscription => READ,
            OperationType::Mutation => WRITE,
        };
        let mut measure = self.selection(&operation.selection_set.node, Some(root(operation.ty)), 0)?;
        measure.cost = measure.cost.saturating_add(measure.top.saturating_mul(each));
        Ok(measure)
    }

    fn selection(
        &mut self,
        set: &'a SelectionSet,
        parent: Option<&str>,
        level: usize,
    ) -> Result<Measure, ServerError> {
        if level > MAX_BRACKETS {
            return Err(too_deep(level));
        }
        let mut all = Measure::default();
        for selection in &set.items {
            let one = match &selection.node {
                Selection::Field(field) => self.field(field, parent, level)?,
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    let on = condition.map(|condition| condition.node.on.node.as_str());
                    self.selection(&inline.node.selection_set.node, on.or(parent), level + 1)?
                }
                Selection::FragmentSpread(spread) => {
                    self.fragment(spread.node.fragment_name.node.as_str(), level + 1)?
                }
            };
            all = all.beside(one);
        }
        Ok(all)
    }

    fn fragment(&mut self, name: &str, level: usize) -> Result<Measure, ServerError> {
        let Some((name, fragment)) = self.document.fragments.get_key_value(name) else {
            // Nobody has it: the rules of the library say so.
            return Ok(Measure::default());
        };
        match self.fragments.get(name.as_str()) {
            Some(Some(known)) => return Ok(*known),
            Some(None) => {
                let message = format!("The fragment `{name}` contains itself; take it out of itself.");
                return Err(refusal(ApiError::new(ErrorCode::InvalidQuery, message)));
            }
            None => {}
        }
        self.fragments.insert(name, None);
        let on = fragment.node.type_condition.node.on.node.as_str();
        let measure = self.selection(&fragment.node.selection_set.node, Some(on), level)?;
        self.fragments.insert(name, Some(measure));
        Ok(measure)
    }

    fn field(
        &mut self,
        field: &'a Positioned<Field>,
        parent: Option<&str>,
        level: usize,
    ) -> Result<Measure, ServerError> {
        let field = &field.node;
        let name = field.name.node.as_str();
        let known = parent.and_then(|parent| fields_of(parent)?.get(name));
        let of = known.map(|known| named(&known.ty));
        let inner = self.selection(&field.selection_set.node, of, level + 1)?;
        if name == "__schema" || name == "__type" {
            if inner.depth > MAX_SCHEMA_DEPTH || inner.lists > MAX_SCHEMA_LISTS {
                return Err(too_large(
                    format!(
                        "This document looks at the schema too deeply: at most {MAX_SCHEMA_DEPTH} levels, and at most \
                         {MAX_SCHEMA_LISTS} lists of fields within each other."
                    ),
                    "schemaDepth",
                    MAX_SCHEMA_DEPTH as u64,
                ));
            }
            return Ok(Measure {
                depth: 1,
                top: 1,
                lists: 0,
                ..inner
            });
        }
        let is_list = matches!(name, "fields" | "inputFields" | "interfaces" | "possibleTypes");
        let heavy = HEAVY.iter().find(|(heavy, _)| *heavy == name);
        let (base, times) = match known {
            Some(Known {
                sized: Some((argument, default)),
                ..
            }) => (READ, self.size(field, argument).unwrap_or(*default)),
            // The items of a page are counted by the field that has the page.
            Some(known) if is_list_of_things(&known.ty) && name != "nodes" => (READ, FEW),
            Some(_) | None => (1, 1),
        };
        let base = heavy.map_or(base, |(_, heavy)| *heavy);
        Ok(Measure {
            depth: inner.depth + 1,
            cost: inner
                .cost
                .saturating_add(1)
                .saturating_mul(times)
                .saturating_add(base),
            fields: inner.fields.saturating_add(1),
            top: 1,
            lists: inner.lists + usize::from(is_list),
        })
    }

    /// How many items a field is asked for.
    fn size(&self, field: &Field, argument: &str) -> Option<u64> {
        let value = field.get_argument(argument)?.node.clone();
        let variable = |name: Name| {
            let sent = self.variables.get(&name);
            let known = sent.or_else(|| self.defaults.get(name.as_str()).copied());
            known.cloned().ok_or(())
        };
        whole(&value.into_const_with(variable).ok()?)
    }
}
