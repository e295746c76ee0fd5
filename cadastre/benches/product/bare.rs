//! What the product is compared with: an HTTP handler of the same library that does nothing but return bytes.
//! It runs as a process of its own (this program, started again), like the product does.

use std::io::Read as _;
use std::path::Path;

use actix_web::web::{self, Bytes};
use actix_web::{App, HttpResponse, HttpServer};

use crate::Outcome;

/// Serves the bytes of a file at every path until standard input ends. Prints its address.
pub(crate) fn serve(body: &Path, workers: usize) -> Outcome<()> {
    let body = Bytes::from(std::fs::read(body)?);
    // Whoever started us is gone when this ends.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    actix_web::rt::System::new().block_on(async move {
        let application = move || {
            let body = body.clone();
            let answer = move || {
                let body = body.clone();
                async move { HttpResponse::Ok().content_type("application/json").body(body) }
            };
            App::new().default_service(web::to(answer))
        };
        let server = HttpServer::new(application)
            .workers(workers)
            .tcp_nodelay(true)
            .bind(("127.0.0.1", 0))?;
        for address in server.addrs() {
            println!("{address}");
        }
        server.run().await?;
        Ok(())
    })
}
