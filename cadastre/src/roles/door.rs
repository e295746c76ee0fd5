//! Settings of the public door, for the two roles that have one.

use std::num::NonZeroU32;

use cadastre_gateway::{AccessListSource, GatewayConfig};
use ipnet::IpNet;

use crate::config::{Effective, Setting, table};
use crate::failure::Failure;

/// The door's configuration.
pub(super) fn configuration(settings: &Effective) -> Result<GatewayConfig, Failure> {
    let trusted_proxies = settings
        .list(&table::TRUSTED_PROXIES)
        .into_iter()
        .map(|text| {
            network(text).ok_or_else(|| {
                settings.refuse(
                    &table::TRUSTED_PROXIES,
                    &format!("holds `{text}`, which is no network; write for example 10.0.0.0/8"),
                )
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(GatewayConfig {
        rate_limit: rate(settings, &table::RATE_LIMIT)?,
        address_rate_limit: rate(settings, &table::ADDRESS_RATE_LIMIT)?,
        access_lists: AccessListSource {
            allow: settings.path(&table::ALLOW_LIST),
            deny: settings.path(&table::DENY_LIST),
        },
        trusted_proxies,
        body_limit_bytes: usize::try_from(settings.size(&table::BODY_LIMIT)).unwrap_or(usize::MAX),
        hsts: settings.flag(&table::HSTS),
        ..GatewayConfig::default()
    })
}

/// A network, or one address.
fn network(text: &str) -> Option<IpNet> {
    text.parse()
        .ok()
        .or_else(|| text.parse::<std::net::IpAddr>().ok().map(IpNet::from))
}

fn rate(settings: &Effective, setting: &Setting) -> Result<Option<NonZeroU32>, Failure> {
    let number = u32::try_from(settings.count(setting))
        .map_err(|_| settings.refuse(setting, "is more than any server answers; 0 is no limit"))?;
    Ok(NonZeroU32::new(number))
}
