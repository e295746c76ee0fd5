//! `cadastre frontend`: the API and who may do what, on data access services.

use std::sync::Arc;

use actix_web::App;
use cadastre_dataaccess::HttpDataAccess;
use cadastre_frontend::Frontend;

use super::serve::{admin_in_words, frontend_configuration};
use super::{Start, announce, split, waiting};
use crate::config::table;
use crate::failure::{Failure, sentence};
use crate::shutdown::Drain;
use crate::{http, metering, store, tls};

pub(super) async fn run(start: Start<'_>) -> Result<(), Failure> {
    let Start {
        settings,
        listener,
        metrics,
    } = start;
    let token = split::admit(settings, &listener)?;
    let drain = Drain::new(settings, None)?;
    let services = split::upstreams(settings, &table::DATAACCESS)?;
    let several = services.len() > 1;
    let access = HttpDataAccess::new(
        services.iter().map(ToString::to_string).collect(),
        token.clone(),
        tls::upstream_client(settings)?,
    )
    .map_err(|error| settings.refuse(&table::DATAACCESS, &format!("cannot be used: {error}")))?;
    let configuration = frontend_configuration(settings, Some(token.expose().to_owned()));
    Frontend::check_keys(&configuration).map_err(|error| Failure::new(sentence(&error)))?;
    waiting::for_data_access(settings, &listener, &access).await?;
    let access = Arc::new(access);
    if several {
        tokio::spawn(access.look_after());
    }
    if let Some(directory) = configuration.admin_password_file.parent() {
        store::make_directory(directory)?;
    }
    let frontend = Frontend::start(configuration, access)
        .await
        .map_err(|error| Failure::new(sentence(&error)))?;
    let streams = frontend.clone();
    drain.let_go(move || streams.end_streams());
    let url = listener.url();
    let application = {
        let (metrics, readiness) = (metering::configure(&metrics), drain.configure());
        let frontend = frontend.clone();
        move || {
            App::new()
                .configure(readiness.clone())
                .configure(metrics.clone())
                .configure(frontend.configure())
        }
    };
    let server = http::start(settings, listener, &drain, application)?;
    let deliveries = frontend
        .deliveries()
        .map_err(|error| Failure::new(sentence(&error)))?;
    let deliveries = tokio::spawn(deliveries);
    announce(&[
        ("Frontend", url),
        (
            "Data access",
            settings.text(&table::DATAACCESS).unwrap_or_default().to_owned(),
        ),
        ("Keys", settings.text(&table::KEYS).unwrap_or_default().to_owned()),
        ("Admin", admin_in_words(&frontend, settings)),
    ]);
    Box::pin(drain.run(server)).await?;
    let _ = deliveries.await;
    Ok(())
}
