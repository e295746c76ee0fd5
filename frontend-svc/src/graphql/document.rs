//! What a client sends: a document, the operation of it that is meant, and its variables.

use std::sync::Arc;

use async_graphql::parser::types::{DocumentOperations, OperationDefinition, OperationType};
use async_graphql::{Request, ServerError, Variables};
use cadastre_api_types::{ApiError, ErrorCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::completion::Completion;
use super::errors::refusal;
use super::limits;
use super::session::Session;

/// Body of `POST /graphql`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = GraphqlRequest)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Asked {
    /// The document.
    #[schema(example = "{ ipPools { poolName availableCount } }")]
    pub(crate) query: String,
    /// The operation that is meant, if the document has several.
    #[serde(default)]
    pub(crate) operation_name: Option<String>,
    /// Values of its variables.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub(crate) variables: Option<Map<String, Value>>,
    /// Understood, and without effect.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub(crate) extensions: Option<Map<String, Value>>,
}

/// A document within the limits.
pub(crate) struct Document {
    request: Request,
    /// What its answers are completed with.
    pub(crate) completion: Completion,
    /// What kind of operation is meant.
    pub(crate) kind: OperationType,
}

impl Document {
    /// Reads what a client sends.
    ///
    /// # Errors
    /// `400 InvalidQuery` for what is no GraphQL; `400 QueryTooLarge` beyond the limits. Whether it fits the schema is
    /// found when it is run.
    pub(crate) fn read(asked: Asked) -> Result<Self, ServerError> {
        limits::check_brackets(&asked.query)?;
        let variables = asked.variables.unwrap_or_default();
        let variables = Variables::from_json(Value::Object(variables));
        let mut request = Request::new(asked.query).variables(variables.clone());
        let name = asked.operation_name.filter(|name| !name.is_empty());
        let document = request.parsed_query()?;
        limits::check(document, &variables)?;
        let meant = match (&document.operations, &name) {
            (DocumentOperations::Single(only), _) => Some(only),
            (DocumentOperations::Multiple(several), Some(name)) => several.get(name.as_str()),
            (DocumentOperations::Multiple(several), None) => several.values().next(),
        };
        if let Some(operation) = meant {
            check_variables(&operation.node, &variables)?;
        }
        let kind = meant.map_or(OperationType::Query, |operation| operation.node.ty);
        let completion = Completion::new(document.clone(), meant.cloned(), variables);
        if kind == OperationType::Subscription && completion.roots() != 1 {
            return Err(refusal(ApiError::new(
                ErrorCode::InvalidQuery,
                "A subscription has one field, no more; open a stream for each.",
            )));
        }
        if let Some(name) = name {
            request = request.operation_name(name);
        }
        Ok(Self {
            request,
            completion,
            kind,
        })
    }

    /// The request of a caller.
    pub(crate) fn on_behalf_of(self, session: &Arc<Session>) -> Request {
        self.request.data(Arc::clone(session))
    }
}

/// Refuses an operation without a variable that it needs: nothing of it can be run.
fn check_variables(operation: &OperationDefinition, variables: &Variables) -> Result<(), ServerError> {
    for definition in &operation.variable_definitions {
        let (name, ty) = (&definition.node.name.node, &definition.node.var_type.node);
        let sent = variables
            .get(name)
            .is_some_and(|value| *value != async_graphql::Value::Null);
        if !ty.nullable && !sent && definition.node.default_value.is_none() {
            let message = format!("The variable `${name}` is missing; it must be a value of the type {ty}.");
            let mut error = refusal(ApiError::new(ErrorCode::InvalidQuery, message));
            error.locations.push(definition.pos);
            return Err(error);
        }
    }
    Ok(())
}
