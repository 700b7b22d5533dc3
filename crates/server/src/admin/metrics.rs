//! What `/metrics` says: the figures of the server and of each tenant's cache, in the text formats that Prometheus reads. They
//! are added up when somebody asks; nothing here costs a request anything. The values of every label come from the program
//! or from the configuration, never from clients, so that the number of series is bounded.

use std::{borrow::Cow, fmt, sync::Arc};

use larder_engine::{AutoReport, Status};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet},
    metrics::MetricType,
    registry::{Registry, Unit},
};

use crate::{
    execute::Face,
    meter::{BUCKETS_NS, Sum},
    shared::Shared,
    tenant::Tenant,
};

/// The figures, to be read again each time.
pub(super) fn registry(shared: Arc<Shared>) -> Registry {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Figures(shared)));
    registry
}

struct Figures(Arc<Shared>);

impl fmt::Debug for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Figures")
    }
}

impl Collector for Figures {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let shared = &*self.0;
        let mut page = Page(encoder);
        page.server(shared)?;
        page.protocols(&Face::ALL.map(|face| (face, shared.meters.sum(face))))?;
        page.tenants(&tenants(shared))?;
        let report = |tenant: &Tenant| (tenant.name.clone(), tenant.cache.auto_report());
        page.auto(&shared.tenants.iter().map(report).collect::<Vec<_>>())
    }
}

/// Each tenant with its cache as it is now.
fn tenants(shared: &Shared) -> Vec<(Cow<'static, str>, Status)> {
    shared.tenants.iter().map(|tenant| (Cow::Owned(tenant.name.clone()), tenant.cache.status())).collect()
}

type Labels<'l, const N: usize> = [(&'static str, &'l str); N];

/// What is being written. Names are without the endings for units and counters, which the encoder adds.
struct Page<'e>(DescriptorEncoder<'e>);

impl Page<'_> {
    fn server(&mut self, shared: &Shared) -> fmt::Result {
        let events = shared.counts.events();
        let uptime = shared.clock.elapsed().as_secs_f64() - shared.started.0 as f64 / 1000.0;
        self.gauge(
            "larder_build_info",
            "Always 1; the version is a label",
            None,
            [([("version", crate::VERSION)], 1)],
        )?;
        self.one(
            "larder_uptime",
            "Time since the server started",
            Some(Unit::Seconds),
            MetricType::Gauge,
            |mut metric| metric.encode_gauge(&uptime.max(0.0)),
        )?;
        let resident = shared.process.memory().resident;
        let gauges = [
            (
                "process_resident_memory",
                "Memory of the process that is resident",
                Some(Unit::Bytes),
                resident,
            ),
            (
                "larder_in_flight",
                "Memory that connections hold beyond their buffers at rest",
                Some(Unit::Bytes),
                shared.budget.leased(),
            ),
            (
                "larder_connections_limit",
                "Connections that there may be",
                None,
                shared.limits.connections as u64,
            ),
        ];
        for (name, help, unit, value) in gauges {
            self.gauge(name, help, unit, [([], value)])?;
        }
        let counters = [
            ("larder_connections_accepted", "Connections that were admitted", events.accepted),
            (
                "larder_connections_refused",
                "Connections refused for want of a place or of descriptors",
                events.refused,
            ),
            (
                "larder_connections_timed_out",
                "Connections closed because they were waited for too long",
                events.dropped,
            ),
            (
                "larder_protocol_violations",
                "Connections closed because what they sent cannot be read",
                events.violations,
            ),
            ("larder_authentication_failures", "Wrong tokens", events.auth_failures),
            (
                "larder_requests_starved",
                "Requests refused because all connections together held too much memory",
                events.starved,
            ),
        ];
        counters.into_iter().try_for_each(|(name, help, value)| self.counter(name, help, [([], value)]))
    }

    fn protocols(&mut self, sums: &[(Face, Sum)]) -> fmt::Result {
        self.gauge(
            "larder_connections",
            "Connections that are open",
            None,
            sums.iter().map(|(face, sum)| ([("protocol", face.name())], sum.connections)),
        )?;
        let requests = sums.iter().flat_map(|(face, sum)| {
            let commands = face.commands().iter().zip(sum.commands);
            commands.map(|(command, count)| ([("protocol", face.name()), ("command", *command)], count))
        });
        self.counter("larder_requests", "Requests that were executed", requests)?;
        self.one(
            "larder_request_duration",
            "From when a request is read to when its reply is handed to the system, sampled for the binary protocols",
            Some(Unit::Seconds),
            MetricType::Histogram,
            |mut metric| {
                sums.iter().try_for_each(|(face, sum)| {
                    histogram(metric.encode_family(&[("protocol", face.name())])?, sum)
                })
            },
        )
    }

    fn tenants(&mut self, tenants: &[(Cow<'static, str>, Status)]) -> fmt::Result {
        let each = |read: fn(&Status) -> u64| {
            tenants.iter().map(move |(tenant, status)| ([("tenant", &**tenant)], read(status)))
        };
        let bytes = Some(Unit::Bytes);
        self.gauge(
            "larder_cache_used",
            "What the entries take, overhead included",
            bytes.clone(),
            each(|status| status.used),
        )?;
        self.gauge(
            "larder_cache_capacity",
            "What the entries may take",
            bytes,
            each(|status| status.capacity.amount()),
        )?;
        self.gauge("larder_cache_entries", "Entries", None, each(|status| status.entries))?;
        self.counter("larder_cache_hits", "Gets that found an entry", each(|status| status.totals.hits))?;
        self.counter("larder_cache_misses", "Gets that found none", each(|status| status.totals.misses))?;
        self.counter("larder_cache_sets", "Values stored", each(|status| status.totals.sets))?;
        self.counter(
            "larder_cache_sets_refused",
            "Values refused because they can never fit",
            each(|status| status.totals.refused),
        )?;
        let removals = tenants.iter().flat_map(|(tenant, status)| {
            let totals = &status.totals;
            let causes = [
                ("deleted", totals.deleted),
                ("evicted", totals.evicted),
                ("expired", totals.expired),
                ("replaced", totals.replaced),
                ("wiped", totals.wiped),
            ];
            causes.map(|(cause, count)| ([("tenant", &**tenant), ("cause", cause)], count))
        });
        self.counter("larder_cache_removals", "Values that went, and why", removals)?;
        let policies: Vec<_> =
            tenants.iter().map(|(tenant, status)| (tenant, status.policy.to_string(), status)).collect();
        let policies = policies.iter().map(|(tenant, policy, status)| {
            let auto = if status.is_auto { "true" } else { "false" };
            ([("tenant", &***tenant), ("policy", policy.as_str()), ("auto", auto)], 1)
        });
        self.gauge(
            "larder_cache_policy_info",
            "Always 1; the eviction policy in force is a label",
            None,
            policies,
        )
    }

    /// Of tenants that are watched only.
    fn auto(&mut self, tenants: &[(String, Option<AutoReport>)]) -> fmt::Result {
        let watched =
            || tenants.iter().filter_map(|(tenant, report)| Some((tenant.as_str(), report.as_ref()?)));
        let name = "larder_cache_estimated_miss_ratio";
        let help = "What each policy would miss, estimated on a sample of the keys";
        self.one(name, help, None, MetricType::Gauge, |mut metric| {
            watched().try_for_each(|(tenant, report)| {
                report.estimates.iter().try_for_each(|estimate| {
                    let policy = estimate.policy.to_string();
                    let labels = [("tenant", tenant), ("policy", policy.as_str())];
                    metric.encode_family(&labels)?.encode_gauge(&estimate.miss_ratio)
                })
            })
        })?;
        let each = |read: fn(&AutoReport) -> u64| {
            watched().map(move |(tenant, report)| ([("tenant", tenant)], read(report)))
        };
        self.counter(
            "larder_cache_policy_decisions",
            "Decisions about the policy",
            each(|report| report.decisions),
        )?;
        self.counter(
            "larder_cache_policy_switches",
            "Decisions that put another policy in force, or advised to",
            each(|report| report.switches),
        )
    }

    fn gauge<'l, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<Unit>,
        values: impl IntoIterator<Item = (Labels<'l, N>, u64)>,
    ) -> fmt::Result {
        self.one(name, help, unit, MetricType::Gauge, |mut metric| {
            values.into_iter().try_for_each(|(labels, value)| {
                labelled(&mut metric, &labels, |metric| metric.encode_gauge(&value))
            })
        })
    }

    fn counter<'l, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels<'l, N>, u64)>,
    ) -> fmt::Result {
        self.one(name, help, None, MetricType::Counter, |mut metric| {
            values.into_iter().try_for_each(|(labels, value)| {
                labelled(&mut metric, &labels, |metric| {
                    metric.encode_counter::<NoLabelSet, _, u64>(&value, None)
                })
            })
        })
    }

    fn one(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<Unit>,
        kind: MetricType,
        write: impl FnOnce(MetricEncoder<'_>) -> fmt::Result,
    ) -> fmt::Result {
        write(self.0.encode_descriptor(name, help, unit.as_ref(), kind)?)
    }
}

fn labelled<const N: usize>(
    metric: &mut MetricEncoder<'_>,
    labels: &Labels<'_, N>,
    write: impl FnOnce(&mut MetricEncoder<'_>) -> fmt::Result,
) -> fmt::Result {
    if N == 0 { write(metric) } else { write(&mut metric.encode_family(labels)?) }
}

fn histogram(mut metric: MetricEncoder<'_>, sum: &Sum) -> fmt::Result {
    let bounds = BUCKETS_NS.iter().map(|bound| *bound as f64 / 1e9).chain([f64::INFINITY]);
    let buckets: Vec<_> = bounds.zip(sum.durations).collect();
    let count = sum.durations.iter().sum();
    metric.encode_histogram::<NoLabelSet>(sum.duration_ns as f64 / 1e9, count, &buckets, None)
}
