//! Counting requests without following anybody: ledgers of counts that cannot be joined.
//!
//! The rules, in order:
//!
//! 1. The address of a request becomes a pseudonym and is dropped; nothing behind this layer is given it.
//! 2. Nothing is recorded per request. Each ledger is a table of counts.
//! 3. The address ledger and the usage ledger share no column but the site, no bucket width and no clock. No row of
//!    any ledger holds a pseudonym beside a path, a cookie or a browser.
//! 4. An address bucket is written only when a crowd of networks is in it; a route is named only on a day on which a crowd asked for it.
//! 5. Of a browser, a device and a referrer there are bare totals. `User-Agent` enters no row, and pages that robots look at are no page views.
//! 6. No page waits on a [`Sink`]. A visitor's choice waits for its count to be kept, for at most 100 ms, and is honoured either way.
//! 7. What is lost is counted, shown and logged.
//!
//! ```
//! use std::sync::Arc;
//! use pinfold::audit::{AuditLayer, TracingSink};
//! use pinfold::consent::{ConsentManagerLayer, Policy};
//! use pinfold::time::Calendar;
//!
//! let policy = Policy::builder("Example Borough Council", "https://www.example.gov.uk").build()?;
//! let consent = ConsentManagerLayer::new(policy, Calendar::named("Europe/London")?);
//! let (layer, background) = AuditLayer::new(&consent, Arc::new(TracingSink), Arc::new(tokio::time::sleep))?;
//! # let _ = layer;
//! # drop(background);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Deployment caveat
//!
//! [`Background::run`] must be spawned. It is what destroys keys.

mod address;
mod agent;
mod asked;
mod auditor;
mod background;
mod block;
mod bucket;
mod chain;
mod choice_rate;
mod cookies;
mod crowd;
mod day_book;
mod details;
mod edition;
mod entrance;
mod facet;
mod footprint;
mod future;
mod heavy;
mod hold;
mod layer;
mod ledger;
mod marks;
mod named;
mod past;
mod recent;
mod referrer;
mod route;
mod senders;
mod service;
mod shards;
mod sink;
mod stats;

pub use background::Background;
pub use block::{Block, TooManyBlocks};
pub use chain::{ActionEntry, BrokenAt, ChainHash, NoHash, verify_chain};
pub use footprint::pages_of;
pub use future::ResponseFuture;
pub use hold::{HeldKeys, KeyHold};
pub use layer::{AuditHandle, AuditLayer, AuditSettings, LivingKey, NoRandomness};
pub use ledger::{
    ActionRow, AddressRow, Batch, ConsentRow, CookieRow, DistinctRow, FacetKind, FacetRow, Ledger,
    MethodClass, PolicyRow, Rows, StatusClass, TrafficRow, UsageRow, VisitCell, VisitRow,
};
pub use past::{PastRequest, PastUse};
pub use route::Routes;
pub use senders::{Rank, Sender};
pub use service::Audit;
pub use sink::{Delivery, Lost, Sink, TracingSink};
pub use stats::{AuditStats, CookieStat, CookieValuesStat};
