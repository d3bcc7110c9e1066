"""Request rates: a token bucket for each client, in a bounded table."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from ipaddress import AddressValueError, IPv6Address

#: Buckets kept; the one that was idle longest makes room. A fresh bucket is full, so eviction only ever forgives.
MAX_BUCKETS = 10_000


class RateLimiter:
    """`rate` requests a second for each client, with bursts of one second's worth. A rate of 0 limits nothing."""

    def __init__(self, rate: float, clock: Callable[[], float], max_buckets: int = MAX_BUCKETS) -> None:
        self._rate = rate
        self._burst = max(rate, 1.0)
        self._clock = clock
        self._max = max_buckets
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()  # client -> (tokens, when)

    def __len__(self) -> int:
        return len(self._buckets)

    def allow(self, client: Hashable) -> bool:
        """Take one token of the client's bucket; False when it is empty."""
        if self._rate <= 0:
            return True
        now = self._clock()
        tokens, then = self._buckets.pop(client, (self._burst, now))
        tokens = min(self._burst, tokens + (now - then) * self._rate)
        allowed = tokens >= 1.0
        self._buckets[client] = (tokens - 1.0 if allowed else tokens, now)
        if len(self._buckets) > self._max:
            self._buckets.popitem(last=False)
        return allowed


def source_of(address: str | None) -> str:
    """What counts as one source: an IPv4 address, or the /64 an IPv6 address lies in (one customer has all of it)."""
    if address is None or ":" not in address:
        return address or ""
    try:
        packed = IPv6Address(address.partition("%")[0])
    except AddressValueError:
        return address
    if packed.ipv4_mapped is not None:
        return str(packed.ipv4_mapped)
    return packed.packed[:8].hex()
