"""What the gateway counts, as Prometheus metrics of its own registry.

The hot path counts in plain attributes of a `LinkStats`; they become samples only when somebody asks.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

#: Buckets for what must happen within milliseconds, in s.
FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
#: Buckets for what waits for a tracker, in s.
SLOW = (0.1, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 3600.0, 86400.0, 604800.0, 2592000.0)

_COUNTERS = {
    "frames": "Frames received and understood.",
    "bytes_in": "Bytes received.",
    "bytes_out": "Bytes written.",
    "peer_errors": "Pieces of input that the protocol does not allow.",
    "foreign": "Links that opened with another protocol (HTTP, TLS, SSH, a blank line).",
    "turned_away": "Links and datagrams refused because a limit was reached.",
    "unregistered": "Logins of devices that are not registered, or blocked.",
    "failures": "Links closed because their codec or the gateway failed on them.",
    "opened": "Links opened.",
}
_GAUGES = {
    "links": "Links that are open.",
    "sessions": "Identified trackers on a link.",
    "held": "Refused devices kept.",
}


class LinkStats:
    """Plain counters of one family on one transport."""

    __slots__ = (*_COUNTERS, *_GAUGES, "closes")

    def __init__(self) -> None:
        self.frames = 0
        self.bytes_in = 0
        self.bytes_out = 0
        self.peer_errors = 0
        self.foreign = 0
        self.turned_away = 0
        self.unregistered = 0
        self.failures = 0
        self.opened = 0
        self.links = 0
        self.sessions = 0
        self.held = 0
        #: Ended links by cause (a short word, see `transports.link.Cause`).
        self.closes: Tally[str] = Tally()


class _LinkCollector(Collector):
    """Turns the plain counters into samples."""

    def __init__(self) -> None:
        self.stats: dict[tuple[str, str], LinkStats] = {}

    def collect(self) -> Iterator[Metric]:
        """All counters and gauges of all links."""
        labels = ("family", "transport")
        for name, text in _COUNTERS.items():
            counter = CounterMetricFamily(f"tracker_gateway_link_{name}", text, labels=labels)
            for key, stats in self.stats.items():
                counter.add_metric(key, getattr(stats, name))
            yield counter
        for name, text in _GAUGES.items():
            gauge = GaugeMetricFamily(f"tracker_gateway_{name}", text, labels=labels)
            for key, stats in self.stats.items():
                gauge.add_metric(key, getattr(stats, name))
            yield gauge
        closes = CounterMetricFamily("tracker_gateway_link_closes", "Links ended, by cause.", labels=(*labels, "cause"))
        for key, stats in self.stats.items():
            for cause, times in stats.closes.items():
                closes.add_metric((*key, cause), times)
        yield closes


class Metrics:
    """Every metric of one gateway, in a registry of its own (so that tests can have many)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._links = _LinkCollector()
        self.registry.register(self._links)
        name = "tracker_gateway_{}".format
        self.contested = Gauge(name("contested"), "Trackers claimed by two links at once.", registry=self.registry)
        self.unknown_dropped = Counter(
            name("unknown_dropped"), "Notes of unregistered devices that were dropped.", registry=self.registry
        )
        self.log_suppressed = Counter(
            name("log_suppressed"), "Log lines about peers that were held back.", registry=self.registry
        )
        self.deliveries = Counter(
            name("deliveries"), "Deliveries that entered a state.", ["state"], registry=self.registry
        )
        self.deliveries_open = Gauge(name("deliveries_open"), "Deliveries that are not final.", registry=self.registry)
        self.commands = Counter(
            name("commands"),
            "Commands written to trackers, by why and by what came back.",
            ["purpose", "verdict"],
            registry=self.registry,
        )
        self.acceptance = Histogram(
            name("acceptance_seconds"), "From an update to its being on disk.", buckets=FAST, registry=self.registry
        )
        self.delivery_seconds = Histogram(
            name("delivery_seconds"),
            "From an accepted update to its confirmation.",
            buckets=SLOW,
            registry=self.registry,
        )
        self._brokers = Gauge(
            name("broker"),
            "MQTT brokers: connected (1 or 0), messages dropped and retained ones ignored, reconnects.",
            ["broker", "family", "fact"],
            registry=self.registry,
        )
        self._ports = Gauge(
            name("serial_port"),
            "Serial ports: in service (1 or 0), times opened again.",
            ["port", "family", "fact"],
            registry=self.registry,
        )
        self._http = Counter(
            name("http_requests"), "Answered requests; code 0 is success.", ["route", "code"], registry=self.registry
        )
        self._http_seconds = Histogram(
            name("http_seconds"), "Time to answer a request.", ["route"], buckets=FAST, registry=self.registry
        )

    def broker(self, name: str, family: str, facts: Mapping[str, Callable[[], float]]) -> None:
        """Show the state of a broker's link: fact (`connected`, `dropped`, `retained`, `reconnects`) -> its number."""
        for fact, number in facts.items():
            self._brokers.labels(name, family, fact).set_function(number)

    def serial_port(self, name: str, family: str, facts: Mapping[str, Callable[[], float]]) -> None:
        """Show the state of a serial port: fact (`up`, `reopened`) -> its number."""
        for fact, number in facts.items():
            self._ports.labels(name, family, fact).set_function(number)

    def link_stats(self, family: str, transport: str) -> LinkStats:
        """The counters of a family on a transport; the same object for the same names."""
        return self._links.stats.setdefault((family, transport), LinkStats())

    def delivery_state(self, state: str) -> None:
        """Count a delivery that entered this state."""
        self.deliveries.labels(state).inc()

    def accepted(self, seconds: float) -> None:
        """Time an update that is on disk now."""
        self.acceptance.observe(seconds)

    def confirmed(self, seconds: float) -> None:
        """Time a delivery that was confirmed, since it was accepted."""
        self.delivery_seconds.observe(max(seconds, 0.0))

    def exchange(self, purpose: str, verdict: str) -> None:
        """Count a command that was answered, refused or not answered."""
        self.commands.labels(purpose, verdict).inc()

    def http_request(self, route: str, code: int, seconds: float) -> None:
        """Count an answered request. `route` is a path of the table or `other`; `code` 0 is success."""
        self._http.labels(route, str(code)).inc()
        self._http_seconds.labels(route).observe(seconds)

    def render(self) -> bytes:
        """The Prometheus text."""
        return generate_latest(self.registry)
