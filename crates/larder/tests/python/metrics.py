"""Reads Larder's /metrics with Prometheus's own parsers: metrics.py URL

Both formats have to be well formed, to have the same series, and to keep to Prometheus's rules for names, units and labels.
"""

import sys
import urllib.request

from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics_parser

# The only labels there are. What clients send is in none of their values.
LABELS = {"auto", "cause", "command", "le", "policy", "protocol", "tenant", "version"}


def read(url, accept):
    request = urllib.request.Request(url, headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


def same(label, value):
    """The formats write the same number differently."""
    return (label, float(value) if label == "le" else value)


def series(families):
    return {
        (sample.name, tuple(sorted(same(*label) for label in sample.labels.items())))
        for family in families
        for sample in family.samples
    }


def check(family):
    name = family.name
    assert name.startswith(("larder_", "process_")), name
    assert family.documentation, name
    assert family.type in ("counter", "gauge", "histogram"), family
    for sample in family.samples:
        assert sample.labels.keys() <= LABELS, sample
        assert sample.value >= 0, sample
        if family.type == "counter":
            assert sample.name == name + "_total", sample
    if family.unit:
        assert name.endswith("_" + family.unit), family
    seconds_or_bytes = any(part in name for part in ("time", "duration", "memory", "used", "capacity"))
    if seconds_or_bytes and family.type != "counter":
        assert family.unit in ("seconds", "bytes"), family


def main(url):
    kind, page = read(url, "application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    assert kind.startswith("application/openmetrics-text"), kind
    # Strict: refuses what has no end, what is not grouped, and buckets that are not cumulative.
    families = list(openmetrics_parser.text_string_to_metric_families(page))
    for family in families:
        check(family)
    kind, page = read(url, "text/plain")
    assert kind.startswith("text/plain; version=0.0.4"), kind
    old = list(parser.text_string_to_metric_families(page))
    assert series(old) == series(families), series(old) ^ series(families)
    requests = {
        (sample.labels["protocol"], sample.labels["command"]): sample.value
        for family in families
        if family.name == "larder_requests"
        for sample in family.samples
    }
    print(f"{len(families)} families, {requests['paper', 'get']:.0f} gets")


main(*sys.argv[1:])
