//! Metrics for Prometheus (OpenMetrics 1.0). Each is a total: no label holds anything of a visitor.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use pinfold::audit::{AuditStats, ClusterStat};
use pinfold::consent::{Action, Direction};
use pinfold_store::SpoolState;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode as encode_text;
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use crate::serve::{BOUNDS, LatencySum, Readings, Served, Server, dropped_lines, failures, shed};

/// Everything, as text.
pub(super) fn encode(readings: &Readings) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Snapshot::take(readings)));
    let mut text = String::new();
    // Writing into a string does not fail.
    let _ = encode_text(&mut text, &registry);
    text
}

#[derive(Debug)]
struct Snapshot {
    sites: Vec<OfSite>,
    outside: LatencySum,
    pending: Vec<(&'static str, u64)>,
    store_healthy: bool,
    store_size: Option<(u64, u64)>,
    spool: Option<SpoolState>,
    configuration_sound: bool,
}

/// What was counted for one site.
#[derive(Debug)]
struct OfSite {
    /// Where there are several.
    name: Option<String>,
    stats: AuditStats,
    latency: LatencySum,
    origins: Vec<(String, bool)>,
}

impl Snapshot {
    fn take(readings: &Readings) -> Self {
        let pending = readings.store.pending().into_iter().map(|(ledger, rows)| (ledger.name(), rows as u64));
        let in_force = readings.in_force.load();
        let of_site = |site: &Arc<Served>| OfSite {
            name: in_force.is_of_several.then(|| site.name.clone()),
            stats: site.audit.stats(),
            latency: site.latency(),
            origins: site
                .origins
                .servers()
                .map(|server| (origin(server, &site.name), server.is_well()))
                .collect(),
        };
        Self {
            sites: in_force.sites.iter().map(of_site).collect(),
            outside: readings.outside(),
            pending: pending.collect(),
            store_healthy: readings.store.is_healthy(),
            store_size: readings.store.size(),
            spool: readings.store.spool(),
            configuration_sound: in_force.sound,
        }
    }

    /// How the node stands with others, where there are any.
    fn encode_cluster(&self, writer: &mut Writer<'_>) -> Result<(), fmt::Error> {
        if self.sites.iter().all(|site| site.stats.cluster.is_none()) {
            return Ok(());
        }
        let each = |value: fn(&ClusterStat) -> bool| {
            self.each(move |site| {
                site.stats.cluster.as_ref().map(|cluster| (Vec::new(), f64::from(u8::from(value(cluster)))))
            })
        };
        writer.gauges(
            "pinfold_key_common",
            "1 while the key of today is that of all nodes",
            each(|cluster| cluster.is_common),
        )?;
        writer.gauges(
            "pinfold_valkey_healthy",
            "1 while what nodes have in common answers",
            each(|cluster| cluster.is_answered),
        )?;
        writer.counters(
            "pinfold_key_splits",
            "Keys that this node had alone, because it could not have that of all nodes",
            self.each(|site| site.stats.cluster.as_ref().map(|cluster| (Vec::new(), cluster.splits))),
        )
    }

    /// The values of each site, labelled with its name where there are several.
    fn each<'s, T, I: IntoIterator<Item = (Vec<Label>, T)>>(
        &'s self,
        values: impl Fn(&'s OfSite) -> I,
    ) -> impl Iterator<Item = (Vec<Label>, T)> {
        self.sites.iter().flat_map(move |site| {
            let label = site.name.as_ref().map(|name| ("site", name.clone()));
            let labelled = |(labels, value)| (label.clone().into_iter().chain(labels).collect(), value);
            values(site).into_iter().map(labelled).collect::<Vec<_>>()
        })
    }
}

impl OfSite {
    fn cookies(&self, direction: Direction) -> impl Iterator<Item = (Vec<Label>, u64)> {
        let mut by_action: BTreeMap<Action, u64> =
            Action::ALL.into_iter().map(|action| (action, 0)).collect();
        for stat in self.stats.cookies.iter().filter(|stat| stat.direction == direction) {
            *by_action.entry(stat.action).or_default() += stat.seen;
        }
        by_action.into_iter().map(|(action, seen)| (vec![("action", action.name().to_owned())], seen))
    }
}

/// The name of a server, without the site that another label has.
fn origin(server: &Server, site: &str) -> String {
    let name = server.to_string();
    name.strip_prefix(site).map_or(name.clone(), |rest| rest.trim_start().to_owned())
}

type Label = (&'static str, String);

impl Collector for Snapshot {
    fn encode(&self, encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let mut writer = Writer(encoder);
        let label = |name: &'static str, value: &str| vec![(name, value.to_owned())];
        writer.counters(
            "pinfold_requests",
            "Answered requests, by method and first digit of the status",
            self.each(|site| {
                site.stats.requests.iter().map(|(method, status, count)| {
                    let status = format!("{}xx", status.digit());
                    (vec![("method", method.name().to_owned()), ("status", status)], *count)
                })
            }),
        )?;
        writer.counters(
            "pinfold_page_views",
            "Page views",
            self.each(|site| [(Vec::new(), site.stats.page_views)]),
        )?;
        writer.counters(
            "pinfold_refused",
            "Requests that were malformed or for an unknown host, and did not come in",
            [(Vec::new(), self.outside.refused)],
        )?;
        writer.counters(
            "pinfold_accept_errors",
            "Times that the system gave no connection, each followed by a rest of 50 ms",
            [(Vec::new(), self.outside.not_accepted)],
        )?;
        writer.counters(
            "pinfold_shed",
            "Requests answered 503, and connections not taken in, because memory was short",
            [(Vec::new(), shed())],
        )?;
        writer.counters(
            "pinfold_panics",
            "Parts of the server that failed, each with a line in the log",
            [(Vec::new(), failures())],
        )?;
        writer.counters(
            "pinfold_log_dropped",
            "Log lines that were dropped because nobody took them",
            [(Vec::new(), dropped_lines())],
        )?;
        writer.histogram(
            "pinfold_request_seconds",
            "Time until the head of the answer",
            self.each(|site| [(Vec::new(), &site.latency)]),
        )?;
        writer.counters(
            "pinfold_set_cookie",
            "Set-Cookie fields, by what was done",
            self.each(|site| site.cookies(Direction::Response)),
        )?;
        writer.counters(
            "pinfold_request_cookie",
            "Request cookies, by what was done",
            self.each(|site| site.cookies(Direction::Request)),
        )?;
        let named = |cookie: &str, purpose: &str| {
            vec![("cookie", cookie.to_owned()), ("purpose", purpose.to_owned())]
        };
        writer.gauges(
            "pinfold_cookie_values",
            "Different values of a cookie in a thousand requests for pages",
            self.each(|site| {
                let values = site.stats.cookie_values.iter();
                values.map(|one| (named(&one.pattern, &one.purpose), f64::from(one.values)))
            }),
        )?;
        writer.gauges(
            "pinfold_identifying_cookies",
            "Cookies that look like identifiers, though the legal basis of their purpose allows none",
            self.each(|site| {
                let identifying = site.stats.cookie_values.iter().filter(|one| one.identifies).count();
                [(Vec::new(), identifying as f64)]
            }),
        )?;
        writer.counters(
            "pinfold_consent_events",
            "What visitors were asked and chose",
            self.each(|site| {
                site.stats.consent_events.iter().map(|(event, purpose, count)| {
                    (vec![("event", event.name().to_owned()), ("purpose", purpose.clone())], *count)
                })
            }),
        )?;
        writer.counters(
            "pinfold_client_address",
            "How the address of the client was found",
            self.each(|site| {
                let sources = site.stats.address_sources.iter();
                sources.map(|(source, count)| (label("source", source.name()), *count))
            }),
        )?;
        writer.counters(
            "pinfold_audit_lost",
            "Rows of a ledger that no store took",
            self.each(|site| {
                site.stats.lost.iter().map(|(ledger, count)| (label("ledger", ledger.name()), *count))
            }),
        )?;
        writer.gauges(
            "pinfold_audit_pending",
            "Rows of a ledger that wait to be written",
            self.pending.iter().map(|(ledger, rows)| (label("ledger", ledger), *rows as f64)),
        )?;
        writer.counters(
            "pinfold_audit_below_crowd",
            "Requests whose address bucket was destroyed because it never became a crowd",
            self.each(|site| [(Vec::new(), site.stats.below_crowd)]),
        )?;
        writer.counters(
            "pinfold_blocked_requests",
            "Requests that were refused because their host or network is blocked",
            self.each(|site| [(Vec::new(), site.stats.blocked)]),
        )?;
        writer.gauges(
            "pinfold_blocks",
            "Hosts and networks that are blocked",
            self.each(|site| [(Vec::new(), site.stats.blocks as f64)]),
        )?;
        writer.gauges(
            "pinfold_key_age_seconds",
            "Age of the key of today",
            self.each(|site| [(Vec::new(), site.stats.key_age.as_secs_f64())]),
        )?;
        self.encode_cluster(&mut writer)?;
        let one = |value: f64| [(Vec::new(), value)];
        writer.gauges(
            "pinfold_store_healthy",
            "1 while the store takes writes",
            one(f64::from(u8::from(self.store_healthy))),
        )?;
        if let Some((bytes, most_bytes)) = self.store_size {
            writer.gauges("pinfold_store_bytes", "Size of the store", one(bytes as f64))?;
            writer.gauges(
                "pinfold_store_limit_bytes",
                "Size at which the store takes no more",
                one(most_bytes as f64),
            )?;
        }
        if let Some(spool) = self.spool {
            for (name, help, value) in [
                ("pinfold_spool_rows", "Rows that wait on disk for the store", spool.rows),
                ("pinfold_spool_limit_rows", "Rows that may wait on disk", spool.most_rows),
                ("pinfold_spool_bytes", "Size of what waits on disk", spool.bytes),
                (
                    "pinfold_spool_dropped",
                    "Records since the start that were damaged on disk, or did not fit the store",
                    spool.dropped,
                ),
            ] {
                writer.gauges(name, help, one(value as f64))?;
            }
        }
        writer.gauges(
            "pinfold_config_reload_success",
            "1 unless the configuration was at fault when it was last read, or could not be put in force",
            one(f64::from(u8::from(self.configuration_sound))),
        )?;
        writer.gauges(
            "pinfold_origin_healthy",
            "1 unless a server of an origin did not show twice in a row that it is well",
            self.each(|site| {
                let origins = site.origins.iter();
                origins.map(|(origin, well)| (label("origin", origin), f64::from(u8::from(*well))))
            }),
        )
    }
}

struct Writer<'a>(DescriptorEncoder<'a>);

impl Writer<'_> {
    fn counters(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Vec<Label>, u64)>,
    ) -> Result<(), fmt::Error> {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in values {
            if labels.is_empty() {
                metric.encode_counter::<Vec<Label>, _, u64>(&value, None)?;
            } else {
                metric.encode_family(&labels)?.encode_counter::<Vec<Label>, _, u64>(&value, None)?;
            }
        }
        Ok(())
    }

    fn gauges(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Vec<Label>, f64)>,
    ) -> Result<(), fmt::Error> {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in values {
            if labels.is_empty() {
                metric.encode_gauge(&value)?;
            } else {
                metric.encode_family(&labels)?.encode_gauge(&value)?;
            }
        }
        Ok(())
    }

    fn histogram<'s>(
        &mut self,
        name: &str,
        help: &str,
        sums: impl IntoIterator<Item = (Vec<Label>, &'s LatencySum)>,
    ) -> Result<(), fmt::Error> {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        for (labels, sum) in sums {
            let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
            let buckets: Vec<_> = bounds.zip(sum.buckets).collect();
            let (seconds, count) = (sum.seconds, sum.buckets.iter().sum());
            if labels.is_empty() {
                metric.encode_histogram::<Vec<Label>>(seconds, count, &buckets, None)?;
            } else {
                metric
                    .encode_family(&labels)?
                    .encode_histogram::<Vec<Label>>(seconds, count, &buckets, None)?;
            }
        }
        Ok(())
    }
}
