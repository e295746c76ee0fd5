//! What the bodies of this side have in common, written once: words that are an enumeration of the domain, and the pair
//! of bodies that make and replace a thing.

/// An enumeration on the wire, with its way from and to the domain's.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident of $domain:path { $( $(#[$variant_meta:meta])* $variant:ident = $word:tt, )+ }) => {
        $(#[$meta])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
            utoipa::ToSchema,
        )]
        pub enum $name {
            $( $(#[$variant_meta])* #[serde(rename = $word)] $variant, )+
        }

        impl From<$domain> for $name {
            fn from(word: $domain) -> Self {
                use $domain as Domain;
                match word { $( Domain::$variant => Self::$variant, )+ }
            }
        }

        impl From<$name> for $domain {
            fn from(word: $name) -> Self {
                use $domain as Domain;
                match word { $( $name::$variant => Domain::$variant, )+ }
            }
        }
    };
}
pub(super) use words;

/// The bodies of `POST` and `PUT` of one kind of thing: the fields that both have, those that only `POST` decides (and
/// `PUT` takes if they equal what is stored), and those that nobody decides. The body of a `POST` becomes that of a
/// `PUT`, so that one conversion reads both.
macro_rules! bodies {
    (
        $(#[$create_meta:meta])* $create:ident,
        $(#[$update_meta:meta])* $update:ident,
        both { $( $(#[$both_meta:meta])* $both:ident : $both_type:ty, )* }
        once { $( $(#[$once_meta:meta])* $once:ident : $once_type:ty, )* }
        read_only { $( $(#[$read_meta:meta])* $read:ident : $read_type:ty, )* }
    ) => {
        $(#[$create_meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $create {
            $( $(#[$once_meta])* pub $once: $once_type, )*
            $( $(#[$both_meta])* pub $both: $both_type, )*
        }

        $(#[$update_meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $update {
            $( $(#[$both_meta])* pub $both: $both_type, )*
            $(
                $(#[$once_meta])*
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub $once: Option<$once_type>,
            )*
            $(
                $(#[$read_meta])*
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub $read: Option<$read_type>,
            )*
        }

        impl From<$create> for $update {
            fn from(body: $create) -> Self {
                Self {
                    $( $both: body.$both, )*
                    $( $once: Some(body.$once), )*
                    $( $read: None, )*
                }
            }
        }
    };
}
pub(super) use bodies;
