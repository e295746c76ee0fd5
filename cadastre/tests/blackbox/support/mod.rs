//! What the tests stand on: processes that cannot be orphaned, shapes of a deployment, a client that fails with
//! the whole answer, and worlds of spaces and users that do not meet each other.

pub(crate) mod deployment;
pub(crate) mod faulty_line;
pub(crate) mod http;
pub(crate) mod pages;
pub(crate) mod process;
pub(crate) mod raw;
pub(crate) mod receiver;
pub(crate) mod services;
pub(crate) mod world;

pub(crate) use deployment::{Deployment, Launch, Shape};
pub(crate) use http::{Answer, Client};
pub(crate) use serde_json::{Value, json};
pub(crate) use world::{Grant, Space, unique};

/// Makes each claim (a function of a deployment) a test on the deployments that all tests of this binary share:
/// those of `both` in every shape, those of `one` on one process only.
macro_rules! claims {
    (both: [$($both:ident),* $(,)?], one: [$($one:ident),* $(,)?] $(,)?) => {
        mod in_one_process {
            $( #[test] fn $both() { super::$both($crate::support::Deployment::shared($crate::support::Shape::OneProcess)); } )*
            $( #[test] fn $one() { super::$one($crate::support::Deployment::shared($crate::support::Shape::OneProcess)); } )*
        }
        mod split {
            $( #[test] fn $both() { super::$both($crate::support::Deployment::shared($crate::support::Shape::Split)); } )*
        }
        mod region {
            $( #[test] fn $both() { super::$both($crate::support::Deployment::shared($crate::support::Shape::Region)); } )*
        }
    };
}
pub(crate) use claims;
