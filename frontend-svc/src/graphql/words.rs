//! Enumerations: those of the public API, as GraphQL writes them.

use async_graphql::Enum;
use serde::Serialize;

/// An enumeration of the public API under a name of its own. In bodies of the service it is written as there.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident of $remote:tt { $( $(#[$variant_meta:meta])* $variant:ident, )+ }) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, Serialize)]
        $(#[$meta])*
        #[graphql(remote = $remote)]
        #[serde(into = $remote)]
        pub(super) enum $name {
            $( $(#[$variant_meta])* $variant, )+
        }
    };
}

words! {
    /// What a pool hands out.
    #[graphql(name = "IPPoolType")]
    IPPoolType of "cadastre_api_types::public::isp::PoolType" {
        /// Public IPv4 addresses.
        #[graphql(name = "IPV4_PUBLIC")]
        Ipv4Public,
        /// Private IPv4 addresses.
        #[graphql(name = "IPV4_PRIVATE")]
        Ipv4Private,
        /// Global IPv6 addresses.
        #[graphql(name = "IPV6_GLOBAL")]
        Ipv6Global,
        /// Unique local IPv6 addresses.
        #[graphql(name = "IPV6_ULA")]
        Ipv6Ula,
        /// IPv6 prefixes that are delegated to subscribers.
        #[graphql(name = "IPV6_PREFIX_DELEGATION")]
        Ipv6PrefixDelegation,
    }
}

words! {
    /// What is shown of a pool.
    #[graphql(name = "IPPoolStatus")]
    IPPoolStatus of "cadastre_api_types::public::isp::PoolStatus" {
        /// It hands out.
        Active,
        /// It is kept for later: only by hand.
        Reserved,
        /// It is active, and nothing is left. Shown, never set.
        Depleted,
        /// Nothing is handed out.
        Maintenance,
    }
}

words! {
    /// Which of the free ones a pool hands out next.
    PoolAllocation of "cadastre_api_types::public::isp::PoolAllocation" {
        /// The lowest.
        Sequential,
        /// Any.
        Random,
        /// The start of the largest gap.
        Sparse,
    }
}

words! {
    /// Where a reservation stands.
    #[graphql(name = "IPReservationStatus")]
    IPReservationStatus of "cadastre_api_types::public::isp::ReservationStatus" {
        /// It is held, and not in use yet.
        Reserved,
        /// It is in use.
        Assigned,
        /// It was given back. The address rests, until it is reclaimed.
        Released,
        /// Its time ran out before it was used.
        Expired,
    }
}

words! {
    /// What an address conflicts with.
    ConflictType of "cadastre_api_types::public::isp::ConflictType" {
        /// Somebody holds it, or it rests for them.
        Reservation,
        /// A node of the tree is there: another use, the pool's gateway, or an exclusion.
        TreeNode,
        /// It is in no pool, not in the one that was named, or nothing that the pool hands out.
        PoolBoundary,
        /// The network profile of somebody else names it.
        NetworkProfile,
        /// A RADIUS session uses it.
        RadiusSession,
        /// NetBox has it as somebody else's.
        Netbox,
    }
}

words! {
    /// How bad a conflict is.
    ConflictSeverity of "cadastre_api_types::public::isp::ConflictSeverity" {
        /// Worth knowing.
        Low,
        /// Somebody should look first.
        Medium,
        /// It would break something.
        High,
        /// Two would use one address.
        Critical,
    }
}

words! {
    /// What to do about a conflict.
    SuggestedAction of "cadastre_api_types::public::isp::SuggestedAction" {
        /// Take another address.
        UseAnother,
        /// Release the reservation that holds it.
        Release,
        /// Wait until it has rested, or force.
        Wait,
        /// Name the pool that it lies in, or make one.
        ChoosePool,
        /// Look at what else uses it, then correct that.
        Correct,
    }
}

words! {
    /// What is wrong with a pool.
    AlertKind of "cadastre_api_types::public::isp::AlertKind" {
        /// The pool's threshold is passed.
        PoolUtilization,
        /// Nothing is left.
        PoolDepleted,
    }
}

words! {
    /// Where an alert stands.
    AlertState of "cadastre_api_types::public::isp::AlertState" {
        /// It is as it says.
        Raised,
        /// It is as it says, and somebody knows.
        Acknowledged,
        /// It is over.
        Cleared,
    }
}

words! {
    /// Where an entry of the outbox stands.
    OutboxState of "cadastre_api_types::public::isp::OutboxState" {
        /// It is to be delivered.
        Pending,
        /// It was delivered.
        Delivered,
        /// It was tried too often; somebody may ask for another try.
        Failed,
        /// Somebody called it off.
        Cancelled,
    }
}

words! {
    /// Where a subscriber stands. Changed by the use cases only.
    SubscriberStatus of "cadastre_api_types::public::isp::SubscriberStatus" {
        /// Known, and not in service yet.
        Pending,
        /// In service.
        Active,
        /// Out of service for a while; keeps everything.
        Suspended,
        /// At its end: holds nothing any more.
        Terminated,
    }
}

words! {
    /// What kind of customer a subscriber serves.
    ServiceType of "cadastre_api_types::public::isp::ServiceType" {
        /// A household.
        Residential,
        /// A business.
        Business,
        /// A large business with terms of its own.
        Enterprise,
        /// Another provider.
        Wholesale,
    }
}

words! {
    /// Which VLAN a plan gives.
    VlanMode of "cadastre_api_types::public::isp::VlanMode" {
        /// None.
        None,
        /// One tag.
        Single,
        /// An outer and an inner tag.
        Qinq,
    }
}

words! {
    /// How a subscriber gets IPv6.
    Ipv6Mode of "cadastre_api_types::public::isp::Ipv6Mode" {
        /// Not at all.
        Disabled,
        /// Stateless.
        Slaac,
        /// By DHCPv6: single addresses.
        #[graphql(name = "DHCPV6")]
        Dhcpv6,
        /// By DHCPv6: a delegated prefix.
        #[graphql(name = "PD")]
        PrefixDelegation,
        /// IPv4 beside a delegated prefix.
        DualStack,
    }
}

words! {
    /// What is done when Option 82 does not say what the profile says.
    Option82Policy of "cadastre_api_types::public::isp::Option82Policy" {
        /// It is written down.
        Log,
        /// The subscriber is refused.
        Enforce,
        /// Nobody looks.
        Ignore,
    }
}

/// What became of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(super) enum PoolAction {
    /// It was made.
    Created,
    /// Its settings changed.
    Updated,
    /// It was removed.
    Deleted,
    /// It handed out, or was given back: its numbers changed.
    UsageChanged,
}
