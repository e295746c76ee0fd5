//! VLAN tags, pools of them, and who has which.

use cadastre_api_types::ApiError;
use cadastre_api_types::public::isp::{
    VlanBinding as WireBinding, VlanPool as WirePool, VlanPoolUpdate, VlanRange as WireRange,
};
use cadastre_domain::isp::{IspError, Kept, VlanBinding, VlanHolder, VlanId, VlanPool, VlanRange, VlanTag};
use uuid::Uuid;

use super::{check_read_only, invalid, refused, subscriber_id};

const READ_ONLY: &[&str] = &["id", "total", "createdAt", "updatedAt"];

/// A tag on the wire: the only one, or the outer and the inner one.
pub(crate) type Tags = (Option<u16>, Option<u16>, Option<u16>);

/// `vlanId`, `sVlan` and `cVlan` of a tag.
pub(crate) fn tags(tag: Option<VlanTag>) -> Tags {
    match tag {
        None => (None, None, None),
        Some(VlanTag { outer, inner: None }) => (Some(outer.get()), None, None),
        Some(VlanTag {
            outer,
            inner: Some(inner),
        }) => (None, Some(outer.get()), Some(inner.get())),
    }
}

/// The tag that `vlanId`, or `sVlan` and `cVlan`, say.
///
/// # Errors
/// `400 InvalidValue`.
pub(crate) fn tag((only, outer, inner): Tags) -> Result<Option<VlanTag>, ApiError> {
    match (only, outer, inner) {
        (None, None, None) => Ok(None),
        (Some(only), None, None) => Ok(Some(VlanTag {
            outer: vlan("vlanId", only)?,
            inner: None,
        })),
        (None, Some(outer), Some(inner)) => Ok(Some(VlanTag {
            outer: vlan("sVlan", outer)?,
            inner: Some(vlan("cVlan", inner)?),
        })),
        (Some(_), _, _) => Err(invalid(
            "vlanId",
            "`vlanId` is the only tag, `sVlan` and `cVlan` are two; send one or the other.",
        )),
        (None, Some(_), None) => Err(invalid(
            "cVlan",
            "`sVlan` goes with `cVlan`; a single tag is `vlanId`.",
        )),
        (None, None, Some(_)) => Err(invalid(
            "sVlan",
            "`cVlan` goes with `sVlan`; a single tag is `vlanId`.",
        )),
    }
}

fn vlan(field: &'static str, id: u16) -> Result<VlanId, ApiError> {
    VlanId::new(id).map_err(|error| refused(&IspError::new(field, error.message)))
}

/// The holder that a body names.
///
/// # Errors
/// `400 InvalidValue` unless it is exactly one.
pub(crate) fn holder(subscriber: Option<&str>, port: Option<String>) -> Result<VlanHolder, ApiError> {
    let holder = match (subscriber, port) {
        (Some(id), None) => VlanHolder::Subscriber(subscriber_id("subscriberId", id)?),
        (None, Some(port)) => VlanHolder::Port(port),
        (Some(_), Some(_)) => {
            return Err(invalid(
                "port",
                "A VLAN is for a `subscriberId` or for a `port`; send one of them.",
            ));
        }
        (None, None) => {
            return Err(invalid(
                "subscriberId",
                "Say for whom: a `subscriberId`, or a `port` of an access node.",
            ));
        }
    };
    holder.check().map_err(|error| refused(&error))?;
    Ok(holder)
}

/// A binding as clients see it.
pub(crate) fn binding(kept: Kept<VlanBinding>) -> WireBinding {
    let binding = kept.value;
    let (vlan_id, s_vlan, c_vlan) = tags(Some(binding.tag));
    let (subscriber_id, port) = match binding.holder {
        VlanHolder::Subscriber(id) => (Some(id.to_string()), None),
        VlanHolder::Port(port) => (None, Some(port)),
    };
    WireBinding {
        id: binding.id,
        pool_id: binding.pool_id,
        domain: binding.domain,
        vlan_id,
        s_vlan,
        c_vlan,
        subscriber_id,
        port,
        created_at: kept.created,
        updated_at: kept.modified,
    }
}

/// A pool as clients see it.
pub(crate) fn to_wire(kept: Kept<VlanPool>) -> WirePool {
    let total = kept.value.total();
    let pool = kept.value;
    let range = |range: VlanRange| WireRange {
        first: range.first.get(),
        last: range.last.get(),
    };
    WirePool {
        id: pool.id,
        name: pool.name,
        description: pool.description,
        domain: pool.domain,
        outer: range(pool.outer),
        inner: pool.inner.map(range),
        total,
        created_at: kept.created,
        updated_at: kept.modified,
    }
}

/// The pool that a body asks for; `stored` is the one that it replaces.
///
/// # Errors
/// A `400` naming the field.
pub(crate) fn from_wire(
    id: Uuid,
    body: VlanPoolUpdate,
    stored: Option<&Kept<VlanPool>>,
) -> Result<VlanPool, ApiError> {
    if let Some(stored) = stored {
        check_read_only(&body, &to_wire(stored.clone()), READ_ONLY)?;
    }
    let range = |field: &'static str, range: WireRange| -> Result<VlanRange, ApiError> {
        Ok(VlanRange {
            first: vlan(field, range.first)?,
            last: vlan(field, range.last)?,
        })
    };
    let pool = VlanPool {
        id,
        name: body.name,
        description: body.description.unwrap_or_default(),
        domain: body.domain,
        outer: range("outer", body.outer)?,
        inner: body.inner.map(|inner| range("inner", inner)).transpose()?,
    };
    pool.check().map_err(|error| refused(&error))?;
    Ok(pool)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use cadastre_api_types::public::isp::VlanPoolCreate;
    use jiff::Timestamp;
    use serde_json::json;

    #[test]
    fn one_tag_is_a_vlan_id_and_two_are_s_and_c() {
        for sent in [
            (None, None, None),
            (Some(100), None, None),
            (None, Some(100), Some(7)),
        ] {
            assert_eq!(tags(tag(sent).unwrap()), sent);
        }
        for (sent, field) in [
            ((Some(1), Some(1), Some(1)), "vlanId"),
            ((Some(1), None, Some(1)), "vlanId"),
            ((None, Some(1), None), "cVlan"),
            ((None, None, Some(1)), "sVlan"),
            ((Some(4095), None, None), "vlanId"),
            ((None, Some(1), Some(0)), "cVlan"),
        ] {
            assert_eq!(
                tag(sent).unwrap_err().details.unwrap()["field"],
                field,
                "{sent:?}"
            );
        }
    }

    #[test]
    fn a_vlan_is_for_a_subscriber_or_a_port() {
        assert!(holder(Some("sub-1"), None).is_ok() && holder(None, Some("1/1/4".to_owned())).is_ok());
        assert!(holder(None, None).is_err() && holder(Some("sub-1"), Some("1/1/4".to_owned())).is_err());
        assert!(holder(None, Some(String::new())).is_err() && holder(Some(""), None).is_err());
    }

    #[test]
    fn what_get_returned_of_a_vlan_pool_can_be_put_back() {
        let create: VlanPoolCreate = serde_json::from_value(json!({
            "name": "OLT 3", "domain": "olt-3", "outer": { "first": 100, "last": 199 }, "inner": { "first": 1, "last": 4094 }
        }))
        .unwrap();
        let stored = Kept {
            value: from_wire(Uuid::from_u128(1), create.into(), None).unwrap(),
            created: Timestamp::UNIX_EPOCH,
            modified: Timestamp::UNIX_EPOCH,
            revision: 1,
        };
        let back = serde_json::from_value(serde_json::to_value(to_wire(stored.clone())).unwrap()).unwrap();
        assert_eq!(
            from_wire(stored.value.id, back, Some(&stored)).unwrap(),
            stored.value
        );
    }
}
