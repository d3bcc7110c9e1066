"""What values a device takes: the checks that many families share."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tracker_codecs.contract import Problem, Settings, Severity, Target, Value

Check = Callable[[Target, Settings], list[Problem]]


def is_whole(value: Value, low: int, high: int) -> bool:
    """Whether this is a whole number (no boolean) from `low` to `high`."""
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def whole_numbers(ranges: Mapping[str, tuple[int, int]], words: str = "must be a whole number, {} to {}") -> Check:
    """A family's `check` where each field is a whole number in its own range; `words` say it, with both bounds."""

    def check(target: Target, settings: Settings) -> list[Problem]:
        return [
            Problem(name, Severity.REFUSE, words.format(*ranges[name]))
            for name, value in settings.items()
            if name in ranges and not is_whole(value, *ranges[name])
        ]

    return check
