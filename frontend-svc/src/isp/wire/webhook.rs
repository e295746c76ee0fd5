//! Webhooks.

use actix_web::http::Uri;
use cadastre_api_types::ApiError;
use cadastre_api_types::public::isp::{Webhook as WireWebhook, WebhookUpdate};
use cadastre_domain::isp::{Kept, Webhook};
use uuid::Uuid;

use super::{check_read_only, invalid, refused};

const READ_ONLY: &[&str] = &["id", "hasSecret", "createdAt", "updatedAt"];

/// As clients see it.
pub(crate) fn to_wire(kept: Kept<Webhook>) -> WireWebhook {
    let webhook = kept.value;
    WireWebhook {
        id: webhook.id,
        name: webhook.name,
        url: webhook.url,
        events: webhook.events,
        has_secret: webhook.has_secret,
        active: webhook.active,
        created_at: kept.created,
        updated_at: kept.modified,
    }
}

/// The webhook that a body asks for, its secret aside; `stored` is the one that it replaces.
///
/// # Errors
/// A `400` naming the field.
pub(crate) fn from_wire(
    id: Uuid,
    body: WebhookUpdate,
    stored: Option<&Kept<Webhook>>,
) -> Result<Webhook, ApiError> {
    if let Some(stored) = stored {
        check_read_only(&body, &to_wire(stored.clone()), READ_ONLY)?;
    }
    let webhook = Webhook {
        id,
        name: body.name,
        url: body.url,
        events: body.events.unwrap_or_default(),
        has_secret: stored.is_some_and(|stored| stored.value.has_secret),
        active: body.active.unwrap_or(true),
    };
    webhook.check().map_err(|error| refused(&error))?;
    check_url(&webhook.url)?;
    Ok(webhook)
}

/// A URL with a host, and without what would be shown to everybody who may read webhooks.
fn check_url(url: &str) -> Result<(), ApiError> {
    let uri = url.parse::<Uri>().ok();
    let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
    if host.is_empty() || url.contains('#') {
        return Err(invalid(
            "url",
            "`url` is not the URL of a server; write one such as https://billing.example/hooks/cadastre.",
        ));
    }
    let authority = uri.as_ref().and_then(Uri::authority);
    if authority.is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(invalid(
            "url",
            "`url` has a user name or password in it, which everybody who may read webhooks would see; leave it out and \
             use `secret`.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check_url;

    #[test]
    fn a_url_has_a_host_and_no_password() {
        for url in [
            "https://billing.example/hook",
            "http://10.0.0.7:8080",
            "https://[2001:db8::1]/x?y=1",
        ] {
            assert!(check_url(url).is_ok(), "{url}");
        }
        for url in [
            "https://",
            "https:///x",
            "https://a b/",
            "https://u:p@billing.example/",
            "https://x/#a",
            "https://:80/",
        ] {
            assert!(check_url(url).is_err(), "{url}");
        }
    }
}
