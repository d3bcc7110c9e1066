"""Families that know the session only: each of them refuses settings with its reason, and sends nothing for them."""

from __future__ import annotations

import pytest
from tracker_codecs import registry
from tracker_codecs.contract import Purpose, Severity, Target, Transport
from tracker_codecs.drive import against_nobody
from tracker_codecs.errors import LocalError
from tracker_codecs.family import Family

FAMILIES = [
    family
    for family in registry.all_families()
    if not any(each.best for fields in family.variants.values() for each in fields.values())
]
ASKED = {"tracking_interval": 60, "psm_interval": 600}
every = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)


def target(family: Family) -> Target:
    return Target("135790246811220", variant=next(iter(family.variants)))


@every
def test_settings_are_refused_with_the_reason(family: Family) -> None:
    at = target(family)
    problems = family.check(at, ASKED)
    assert {each.field: each.severity for each in problems} == dict.fromkeys(ASKED, Severity.UNSUPPORTED)
    assert {each.reason for each in problems} == {family.unsupported}
    with pytest.raises(LocalError) as told:
        family.apply(at, ASKED)
    assert told.value.reason == family.unsupported
    assert all(each.best is None for each in family.capabilities(at).values())


@every
def test_nothing_is_asked(family: Family) -> None:
    for dialogue in (family.read(target(family), list(ASKED)), family.identify(target(family))):
        exchanges, outcome = against_nobody(dialogue)
        assert (exchanges, outcome.fields, outcome.reported) == ([], {}, {})


@every
def test_bytes_of_an_operator_go_as_they_are(family: Family) -> None:
    command = family.raw(target(family), b"\x01\xffOK")
    assert (command.payload, command.purpose, command.text) == (b"\x01\xffOK", Purpose.RAW, "01ff4f4b")
    assert family.raw(target(family), b"\r\n").payload == b"\r\n"
    for nothing in (b"", "", "  \r\n"):
        with pytest.raises(LocalError):
            family.raw(target(family), nothing)


@every
def test_what_a_family_has_not_is_refused(family: Family) -> None:
    missing = next(each for each in (Transport.MQTT, Transport.SERIAL) if each not in family.transports)
    with pytest.raises(LocalError):
        family.stream(missing)
    with pytest.raises(LocalError):
        family.emulator("135790246811220", next(iter(family.variants)), transport=missing)
    with pytest.raises(LocalError):
        family.emulator("135790246811220", "another")
    with pytest.raises(LocalError):
        family.check(Target("135790246811220", variant="another"), ASKED)
