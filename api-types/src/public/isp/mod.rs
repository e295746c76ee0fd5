//! Bodies of the provider's side of the public API (seeds `static-ip-management.md`, `network-features-plan.md`,
//! `bss-phase1-fixes.md`; DESIGN §4 and §7).
//!
//! Numbers of addresses are exact whole numbers in strings: IPv6 has more than a double holds. A body of a `PUT` also
//! takes the read-only fields of its thing, which must equal what is stored.

mod addressing;
mod alert;
mod conflict;
mod macros;
mod outbox;
mod patch;
mod plan;
mod policy;
mod pool;
mod profile;
mod report;
mod reservation;
mod subscriber;
mod template;
mod use_case;
mod vlan;
mod webhook;

pub use addressing::*;
pub use alert::*;
pub use conflict::*;
pub use outbox::*;
pub use patch::*;
pub use plan::*;
pub use policy::*;
pub use pool::*;
pub use profile::*;
pub use report::*;
pub use reservation::*;
pub use subscriber::*;
pub use template::*;
pub use use_case::*;
pub use vlan::*;
pub use webhook::*;
