//! Deliveries to webhooks. Entries of the outbox are committed with the change they tell of; here they are claimed, posted to
//! their webhooks, and what came of it is written down. This is what receivers can rely on:
//!
//! - **At least once.** An entry is delivered until its receiver answers 2xx, for about three days. A receiver may see one
//!   twice (an answer was lost, a process ended in between) and tells by `webhook-id`, which is the same in every try.
//! - **In no order.** Tries are made beside each other, and a failed one waits while later ones go on. `version` in the body
//!   says what came first in an address space.
//! - **Signed as [Standard Webhooks](https://www.standardwebhooks.com/) says**, if the webhook has a secret: `webhook-id`,
//!   `webhook-timestamp` and `webhook-signature` (see [`signature`]), so that receivers check them with a library.
//!   `X-Cadastre-Event`, `X-Cadastre-Delivery` (the id again) and `X-Cadastre-Attempt` (from 1) are for filters and logs; they
//!   are not signed, the body is.
//! - **Answers**: 2xx is done. 410 Gone is never again. Everything else is another time, also what says that the request is
//!   wrong: receivers are often misconfigured for an hour, seldom for three days. `Retry-After` is honoured up to four hours.
//!   Redirects are not followed: that would be a way around [`address`], and the secret's owner did not choose that host.
//! - **Ten seconds** for connecting, sending and the answer.
//!
//! One slow receiver does not hold up the others: [`lanes`]. Where a webhook may be: [`address`]. No proxy of the environment
//! is used: it would connect to what is refused here.
//!
//! Counted: `cadastre_webhook_deliveries_total` by `result` (`done`, `retry`, `refused`; `unsettled` = the result could not
//! be written down, and the entry is delivered again), `cadastre_webhook_delivery_seconds`, `cadastre_webhook_waiting`
//! (claimed and not begun), `cadastre_webhook_under_way`, `cadastre_webhook_claim_failures_total`.

mod address;
mod attempt;
mod deliverer;
mod lanes;
mod message;
mod settle;
mod signature;
mod verdict;

pub(crate) use deliverer::{Deliverer, Settings};

#[cfg(test)]
mod tests;
