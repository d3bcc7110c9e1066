"""Metrics: their names, and that no peer can make labels."""

from __future__ import annotations

import re

from prometheus_client.parser import text_string_to_metric_families
from tracker_gateway.process.metrics import Metrics

FAMILY = 'family="gt06",transport="tcp"'
#: Dashboards and alerts name these: taking one away breaks them.
NAMES = {
    *(
        f"tracker_gateway_link_{name}_total"
        for name in ("frames", "bytes_in", "bytes_out", "peer_errors", "foreign", "turned_away")
    ),
    *(f"tracker_gateway_link_{name}_total" for name in ("unregistered", "failures", "opened", "closes")),
    *(f"tracker_gateway_{name}" for name in ("links", "sessions", "held", "contested", "deliveries_open")),
    *(f"tracker_gateway_{name}_total" for name in ("unknown_dropped", "log_suppressed", "deliveries", "commands")),
    "tracker_gateway_http_requests_total",
    *(f"tracker_gateway_acceptance_seconds_{end}" for end in ("bucket", "count", "sum")),
    *(f"tracker_gateway_delivery_seconds_{end}" for end in ("bucket", "count", "sum")),
    *(f"tracker_gateway_http_seconds_{end}" for end in ("bucket", "count", "sum")),
}


def full() -> Metrics:
    metrics = Metrics()
    stats = metrics.link_stats("gt06", "tcp")
    for at, name in enumerate(stats.__slots__):
        if name != "closes":
            setattr(stats, name, 100 + at)
    stats.closes["idle"] += 2
    metrics.delivery_state("confirmed")
    metrics.exchange("write", "ack")
    metrics.http_request("/tracker/read", 0, 0.002)
    return metrics


def samples(metrics: Metrics) -> dict[str, float]:
    """`name{labels}` -> value."""
    lines = metrics.render().decode().splitlines()
    return {key: float(value) for key, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def test_the_names_are_those_that_dashboards_know() -> None:
    names = {key.partition("{")[0] for key in samples(full())}
    assert {name for name in names if not name.endswith("_created")} == NAMES
    families = list(text_string_to_metric_families(full().render().decode()))
    assert all(family.documentation.endswith(".") for family in families if not family.name.endswith("_created"))


def test_counters_and_gauges_show_the_plain_numbers() -> None:
    metrics = full()
    stats = metrics.link_stats("gt06", "tcp")
    found = samples(metrics)
    for name in ("frames", "bytes_in", "bytes_out", "peer_errors", "foreign", "turned_away", "opened", "failures"):
        assert found[f"tracker_gateway_link_{name}_total{{{FAMILY}}}"] == getattr(stats, name) >= 100
    for name in ("links", "sessions", "held"):
        assert found[f"tracker_gateway_{name}{{{FAMILY}}}"] == getattr(stats, name) >= 100
    assert found[f'tracker_gateway_link_closes_total{{cause="idle",{FAMILY}}}'] == 2
    assert found['tracker_gateway_deliveries_total{state="confirmed"}'] == 1
    assert found['tracker_gateway_commands_total{purpose="write",verdict="ack"}'] == 1
    assert found['tracker_gateway_http_requests_total{code="0",route="/tracker/read"}'] == 1
    assert found['tracker_gateway_http_seconds_bucket{le="0.001",route="/tracker/read"}'] == 0
    assert found['tracker_gateway_http_seconds_bucket{le="0.0025",route="/tracker/read"}'] == 1
    stats.frames += 1
    assert samples(metrics)[f"tracker_gateway_link_frames_total{{{FAMILY}}}"] == stats.frames


def test_the_series_do_not_grow_with_what_is_counted() -> None:
    metrics = full()
    before = len(samples(metrics))
    for _ in range(1000):
        metrics.link_stats("gt06", "tcp").frames += 1
        metrics.delivery_state("confirmed")
        metrics.exchange("write", "ack")
        metrics.http_request("/tracker/read", 0, 5.0)
    assert len(samples(metrics)) == before
    labels = set(re.findall(r'(\w+)="', metrics.render().decode()))
    # Each has few values, all ours: none is an address, a device id, an owner or a path as it was asked for.
    assert labels == {"family", "transport", "cause", "state", "purpose", "verdict", "route", "code", "le"}


def test_two_gateways_in_one_process_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.delivery_state("sent")
    assert 'tracker_gateway_deliveries_total{state="sent"}' not in samples(other)
    assert one.link_stats("a", "tcp") is one.link_stats("a", "tcp") is not one.link_stats("a", "udp")
