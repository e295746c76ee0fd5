//! `cadastre dataaccess`: records and decisions, for frontends only.

use actix_web::App;
use cadastre_dataaccess::configure_internal_api;

use super::{Start, announce, check_records, close_records, open_records, split};
use crate::config::table;
use crate::failure::Failure;
use crate::shutdown::Drain;
use crate::{http, metering};

pub(super) async fn run(start: Start<'_>) -> Result<(), Failure> {
    let Start {
        settings,
        listener,
        metrics,
    } = start;
    let token = split::admit(settings, &listener)?;
    let drain = Drain::new(settings, None)?;
    let cache = check_records(settings)?;
    let access = open_records(settings, &listener, cache).await?;
    let waits = access.clone();
    drain.let_go(move || waits.end_waits());
    let url = listener.url();
    let application = {
        let internal = configure_internal_api(access.clone(), token);
        let (metrics, readiness) = (metering::configure(&metrics), drain.configure());
        move || {
            App::new()
                .configure(readiness.clone())
                .configure(metrics.clone())
                .configure(internal.clone())
        }
    };
    let server = http::start(settings, listener, &drain, application)?;
    announce(&[
        ("Data access", url),
        (
            "Store",
            settings.text(&table::STORE).unwrap_or_default().to_owned(),
        ),
    ]);
    let deadline = Box::pin(drain.run(server)).await?;
    close_records(&access, deadline).await;
    Ok(())
}
