//! Makes an answer what the specification says of it (GraphQL §6.4): the fields in the order of the document, `null` for a
//! field that failed, and for whatever holds a field that failed and may not be `null`. The library leaves a field that
//! failed out, and has fields in the order in which they were ready.

use std::sync::Arc;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    BaseType, Directive, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet, Type,
};
use async_graphql::{Name, PathSegment, Positioned, Response, ServerError, Value, Variables};

use super::shape::{Fields, fields_of, root};

/// The operation that answers are completed for.
#[derive(Clone)]
pub(crate) struct Completion {
    document: Arc<ExecutableDocument>,
    operation: Option<Positioned<OperationDefinition>>,
    variables: Variables,
}

/// A `null` where none may be.
struct NotNull;

impl Completion {
    /// For an operation of a document.
    pub(super) fn new(
        document: ExecutableDocument,
        operation: Option<Positioned<OperationDefinition>>,
        variables: Variables,
    ) -> Self {
        Self {
            document: Arc::new(document),
            operation,
            variables,
        }
    }

    /// How many fields the operation begins with.
    pub(super) fn roots(&self) -> usize {
        let mut fields = IndexMap::new();
        if let Some(operation) = &self.operation {
            self.collect(&operation.node.selection_set.node, &mut fields);
        }
        fields.len()
    }

    /// The answer as it should be.
    pub(crate) fn complete(&self, mut response: Response) -> Response {
        let Some(operation) = &self.operation else {
            return response;
        };
        let Some(fields) = fields_of(root(operation.node.ty)) else {
            return response;
        };
        let data = std::mem::take(&mut response.data);
        let mut walk = Walk {
            of: self,
            errors: &response.errors,
            path: Vec::new(),
        };
        let sets = [&operation.node.selection_set.node];
        let completed = walk.object(fields, &sets, object(data).unwrap_or_default());
        response.data = completed.unwrap_or(Value::Null);
        response
    }

    /// Whether directives leave a selection in.
    fn is_included(&self, directives: &[Positioned<Directive>]) -> bool {
        directives.iter().all(|directive| {
            let directive = &directive.node;
            let condition = directive.get_argument("if").map(|value| value.node.clone());
            let condition =
                condition.and_then(|value| value.into_const_with(|name| self.variable(&name)).ok());
            match (directive.name.node.as_str(), condition) {
                ("skip", Some(Value::Boolean(skipped))) => !skipped,
                ("include", Some(Value::Boolean(included))) => included,
                _other => true,
            }
        })
    }

    fn variable(&self, name: &Name) -> Result<Value, ()> {
        if let Some(sent) = self.variables.get(name) {
            return Ok(sent.clone());
        }
        let definitions = self
            .operation
            .iter()
            .flat_map(|operation| &operation.node.variable_definitions);
        let mut named = definitions.filter(|definition| definition.node.name.node == *name);
        let default = named
            .next()
            .and_then(|definition| definition.node.default_value.as_ref());
        default.map(|default| default.node.clone()).ok_or(())
    }

    /// The fields that are selected, by their keys in the answer.
    fn collect<'a>(&'a self, set: &'a SelectionSet, into: &mut IndexMap<&'a Name, Vec<&'a Field>>) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    if self.is_included(&field.node.directives) {
                        into.entry(&field.node.response_key().node)
                            .or_default()
                            .push(&field.node);
                    }
                }
                Selection::InlineFragment(inline) => {
                    if self.is_included(&inline.node.directives) {
                        self.collect(&inline.node.selection_set.node, into);
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let fragment = self.document.fragments.get(&spread.node.fragment_name.node);
                    if let Some(fragment) = fragment
                        && self.is_included(&spread.node.directives)
                    {
                        self.collect(&fragment.node.selection_set.node, into);
                    }
                }
            }
        }
    }
}

/// The fields of an object.
fn object(value: Value) -> Option<IndexMap<Name, Value>> {
    if let Value::Object(fields) = value {
        Some(fields)
    } else {
        None
    }
}

/// A walk through an answer.
struct Walk<'a> {
    of: &'a Completion,
    errors: &'a [ServerError],
    path: Vec<PathSegment>,
}

impl<'a> Walk<'a> {
    fn object(
        &mut self,
        fields: &Fields,
        sets: &[&'a SelectionSet],
        mut found: IndexMap<Name, Value>,
    ) -> Result<Value, NotNull> {
        let mut selected = IndexMap::new();
        for set in sets {
            self.of.collect(set, &mut selected);
        }
        let mut completed = IndexMap::with_capacity(selected.len());
        for (key, same) in selected {
            let value = found.swap_remove(key);
            let known = same
                .first()
                .and_then(|field| fields.get(field.name.node.as_str()));
            let value = match known {
                Some(known) => {
                    let sets: Vec<&SelectionSet> =
                        same.iter().map(|field| &field.selection_set.node).collect();
                    self.path.push(PathSegment::Field(key.to_string()));
                    let value = self.value(&known.ty, &sets, value.unwrap_or_default());
                    self.path.pop();
                    value?
                }
                // `__typename`, and what is asked of the schema.
                None => value.unwrap_or_default(),
            };
            completed.insert(key.clone(), value);
        }
        Ok(Value::Object(completed))
    }

    fn value(&mut self, ty: &Type, sets: &[&'a SelectionSet], value: Value) -> Result<Value, NotNull> {
        let completed = match &ty.base {
            BaseType::List(inner) => {
                if let Value::List(items) = value {
                    self.list(inner, sets, items)
                } else {
                    Ok(value)
                }
            }
            BaseType::Named(name) => match (fields_of(name), value) {
                (Some(fields), Value::Object(found)) => self.object(fields, sets, found),
                // All of its fields failed, and none is left.
                (Some(fields), Value::Null) if self.failed_within() => {
                    self.object(fields, sets, IndexMap::new())
                }
                (_, value) => Ok(value),
            },
        };
        match completed {
            Ok(Value::Null) | Err(NotNull) if !ty.nullable => Err(NotNull),
            Err(NotNull) => Ok(Value::Null),
            Ok(value) => Ok(value),
        }
    }

    fn list(&mut self, inner: &Type, sets: &[&'a SelectionSet], items: Vec<Value>) -> Result<Value, NotNull> {
        let mut completed = Vec::with_capacity(items.len());
        for (at, item) in items.into_iter().enumerate() {
            self.path.push(PathSegment::Index(at));
            let item = self.value(inner, sets, item);
            self.path.pop();
            completed.push(item?);
        }
        Ok(Value::List(completed))
    }

    /// Whether something beneath this place failed.
    fn failed_within(&self) -> bool {
        let deeper =
            |error: &ServerError| error.path.len() > self.path.len() && error.path.starts_with(&self.path);
        self.errors.iter().any(deeper)
    }
}
