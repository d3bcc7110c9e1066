"""Logging: what is masked, how bytes look, one line for one event, and peers that cannot flood it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from tracker_gateway.process.log import Sparing, make_plain

#: Every way a line may come about: structlog, the standard library, an exception, a text with line breaks.
LOGGING = """
import logging, sys
import structlog
from tracker_gateway.process.log import configure
configure("info", sys.argv[1])
log = structlog.stdlib.get_logger("tracker_gateway.test")
log.debug("not shown")
log.info("login", device_id="1", frame=b"\\x00\\xff", options={"Password": "hunter2", "deep": [{"hash": "hunter2"}]})
log.warning("two\\nlines", odd=object, text="a\\r\\nb", secret_key="hunter2", nested={"raw": [b"\\x01"]})
try:
    raise ValueError("boom")
except ValueError:
    log.error("failed", exc_info=True)
    logging.getLogger("other").exception("%s failed", "it")
logging.getLogger("other").info("plain", extra={"password": "hunter2"})
logging.getLogger("asyncio").info("not shown")
"""


def lines(form: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", LOGGING, form], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == ""
    assert "hunter2" not in done.stderr
    assert "not shown" not in done.stderr
    return done.stderr.splitlines()


def test_json_is_one_object_a_line() -> None:
    login, odd, failed, other, plain = map(json.loads, lines("json"))
    assert (login["event"], login["level"], login["logger"]) == ("login", "info", "tracker_gateway.test")
    assert login["frame"] == "00ff"
    assert login["options"] == {"Password": "***", "deep": [{"hash": "***"}]}
    assert login["timestamp"].endswith("Z")
    assert (odd["event"], odd["text"], odd["secret_key"], odd["nested"]) == (
        "two\nlines",
        "a\r\nb",
        "***",
        {"raw": ["01"]},
    )
    assert "ValueError: boom" in failed["exception"]
    assert (other["event"], other["logger"], other["level"]) == ("it failed", "other", "error")
    assert "ValueError: boom" in other["exception"]
    assert plain["event"] == "plain"


def test_the_console_shows_the_same_to_people() -> None:
    text = "\n".join(lines("console"))
    assert "frame=00ff" in text
    assert "***" in text
    assert text.count("ValueError: boom") == 2
    assert "\x1b[" not in text  # no colours where nobody sees them


@pytest.mark.parametrize("key", ["hash", "password", "user_Password2", "CLIENT_SECRET", "Authorization"])
def test_secrets_are_masked_at_any_depth_and_the_event_given_stays(key: str) -> None:
    inner = {key: "x", "a": ({key: b"x"}, {"b": {key: 5}}), 7: 1}
    event = {key: "x", "event": "e", "inner": inner, "names": {b"\x02"}}
    assert make_plain(None, "info", event) == {
        key: "***",
        "event": "e",
        "inner": {key: "***", "a": [{key: "***"}, {"b": {key: "***"}}], 7: 1},
        "names": ["02"],
    }
    assert inner[key] == "x"
    views = make_plain(None, "info", {"a": bytearray(b"\xab"), "b": memoryview(b"\xcd"), "keys": 3})
    assert views == {"a": "ab", "b": "cd", "keys": 3}


def test_a_source_gets_a_few_lines_for_each_window() -> None:
    now = 100.0
    sparing = Sparing(lambda: now, per_source=3, total=300, window=60.0)
    assert [sparing.allow("a") for _ in range(5)] == [True, True, True, False, False]
    assert sparing.allow("b")
    assert sparing.suppressed == 2
    now = 159.9
    assert not sparing.allow("a")
    now = 160.0
    assert sparing.allow("a")
    assert sparing.suppressed == 3


def test_many_sources_cannot_flood_the_log_nor_the_memory() -> None:
    sparing = Sparing(lambda: 0.0, per_source=3, total=300)
    assert sum(sparing.allow(str(source)) for source in range(100_000)) == 300
    assert sparing.suppressed == 99_700
    assert len(sparing._sources) == 300
