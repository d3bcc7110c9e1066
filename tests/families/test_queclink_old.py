"""Queclink @Track: settings in the old dialect (GL100 texts on a GT300)."""

from __future__ import annotations

from datetime import UTC, datetime

from tracker_codecs.contract import (
    Faults,
    Match,
    Transport,
)
from tracker_codecs.drive import against_emulator, against_nobody
from tracker_codecs.families.queclink.family import FAMILY

from tests.families.queclink_facts import (
    GT300,
    IMEI,
    applied,
    messages,
    raw,
    states,
    target,
)


def test_gt300_needs_the_experimental_switch() -> None:
    exchanges, outcome = against_nobody(FAMILY.apply(target("gt300"), GT300))
    assert not exchanges
    assert set(states(outcome).values()) == {"unsupported"}


def test_gt300_writes_gl100_texts() -> None:
    noon = datetime(2010, 1, 1, 12, tzinfo=UTC)
    options = {"sfr_keep": "1,1,0,0,3,0", "password": "gl100"}
    at = target("gt300", experimental=True, options=options, now=lambda: noon)
    asked = {**GT300, "start_time": "0000", "end_time": "2359"}
    unit = FAMILY.emulator(IMEI, "gt300", options={"password": "gl100"})
    exchanges, outcome = against_emulator(FAMILY.apply(at, asked), unit, FAMILY.stream())
    assert exchanges[0].command.payload == raw("cmd-tri-gl100-client") + b"\0"
    assert set(states(outcome).values()) == {"acknowledged"}
    assert {name: unit.settings[name] for name in asked} == asked
    asked = {**GT300, "movement_detection": True, "min_speed": 20, "min_distance": 500}
    dry, _ = against_nobody(FAMILY.apply(at, asked))
    documented = raw("cmd-sfr-gl100-doc")
    assert dry[1].command.payload[:-15] == documented[:-14]
    stale = messages(raw("ack-tri-gl100"), Transport.UDP)[0]
    assert exchanges[0].command.match(stale) is Match.NO


def test_gt300_without_sfr_keep_leaves_gtsfr_alone() -> None:
    exchanges, outcome, _ = applied("gt300", GT300, target("gt300", experimental=True))
    assert len(exchanges) == 1
    assert states(outcome)["min_speed"] == "unsupported"
    assert states(outcome)["tracking_interval"] == "acknowledged"
    _, outcome, _ = applied("gt300", GT300, target("gt300", experimental=True), faults=Faults(silent=True))
    assert outcome.unanswered
