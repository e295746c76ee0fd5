//! The four ways the binary serves.

use std::fmt;

/// A role of the binary: everything in one process, or one service alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Everything in one process.
    Serve,
    /// The data access service.
    DataAccess,
    /// The frontend service.
    Frontend,
    /// The gateway.
    Gateway,
}

impl Role {
    /// All of them.
    pub(crate) const ALL: [Role; 4] = [Role::Serve, Role::DataAccess, Role::Frontend, Role::Gateway];

    /// Name of the subcommand.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Serve => "serve",
            Self::DataAccess => "dataaccess",
            Self::Frontend => "frontend",
            Self::Gateway => "gateway",
        }
    }

    /// The role of a subcommand.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
