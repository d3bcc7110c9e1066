"""What must hold for every family, every model and every profile; nothing here names one of them."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tracker_codecs import registry
from tracker_codecs.contract import (
    Capability,
    Datum,
    Event,
    Faults,
    FieldState,
    Message,
    Purpose,
    Severity,
    Stream,
    Strength,
    Target,
    Transport,
)
from tracker_codecs.drive import against_emulator, against_nobody
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.family import Family
from tracker_profiles import models, profiles
from tracker_profiles.models import Model

FIXTURES = Path(__file__).parent.parent.parent / "firmware-fixtures"
FAMILIES = registry.all_families()
VARIANTS = [(family, variant) for family in FAMILIES for variant in family.variants]
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
by_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
by_variant = pytest.mark.parametrize(
    ("family", "variant"), VARIANTS, ids=[f"{family.name}-{variant}" for family, variant in VARIANTS]
)


def transport_of(family: Family) -> Transport:
    """The link that a family is tested on: a stream where it has one."""
    return next(each for each in (Transport.TCP, Transport.SERIAL, *Transport) if each in family.transports)


def streamed(family: Family) -> bool:
    """Whether bytes of this family come in any split."""
    return transport_of(family) in (Transport.TCP, Transport.SERIAL)


def settable() -> list[Model]:
    """Every model that settings can be pushed to."""
    return [model for model in models.all_models().values() if model.settable]


#: A device id of each form that models name.
IDS = {"imei": "135790246811220", "meid": "A0000000000001", "user/device": "user/phone"}


def device_id(model: Model) -> str:
    """A device id such as this model has."""
    kind, *bounds = model.id_type.split(",")
    return IDS.get(kind) or ("a1b2c3d4e5f60718" if kind == "hex" else "1357902468112201")[: int(bounds[0])]


def a_model(family: Family, variant: str) -> Model:
    """A model of this variant; for one that no model has, any model of the family."""
    of_family = [model for model in models.all_models().values() if model.codec == family.name]
    return next((model for model in of_family if model.variant == variant), of_family[0])


def target(model: Model, **fields: Any) -> Target:
    """A tracker of this model."""
    assert model.codec is not None
    family = registry.get(model.codec)
    return Target(
        device_id(model),
        model.code,
        model.variant,
        transport_of(family),
        options={**family.needed_options, **model.options},
        experimental=True,
        serial=32,
        **fields,
    )


def wanted(model: Model) -> dict[str, Any]:
    """Settings of the model's profile: its first example."""
    profile = profiles.get(model.track_control)
    return dict(profile.schema["examples"][0])


def fed(family: Family, data: bytes, *, split: int = 0, channel: str = "") -> tuple[list[Event], Stream]:
    """The events of bytes, in one piece or in pieces of this size, all at one time: answers may carry it."""
    stream = family.stream(transport_of(family), lambda: NOW)
    pieces = [data[at : at + split] for at in range(0, len(data), split)] if split else [data]
    return [event for piece in pieces for event in stream.feed(piece, channel)], stream


def told(events: list[Event]) -> list[object]:
    """Events as comparable values."""
    return [event if isinstance(event, Message) else event.reason for event in events]


def recorded(family: Family) -> list[tuple[bytes, str]]:
    """The frames of devices among the family's fixtures."""
    found = []
    for path in sorted((FIXTURES / family.name).glob("*.yaml")):
        for case in yaml.safe_load(path.read_text("utf-8")).get("cases", []):
            if case.get("direction") != "device_to_server" or case.get("layer", "frame") != "frame":
                continue
            text = str(case["data"])
            data = bytes.fromhex(text) if case.get("encoding") == "hex" else text.encode("latin-1")
            found.append((data, str(case.get("topic", case.get("channel", "")))))
    return found


# -- families --
@by_family
def test_a_family_says_who_it_is_and_where_its_facts_are_from(family: Family) -> None:
    assert family.title
    assert family.transports
    assert family.sources, "no public source is named"
    assert family.acknowledgement_proves, "what an acknowledgement proves is not written down"
    assert family.variants
    assert 0 < family.limits.max_frame <= 1 << 20
    assert 0 < family.limits.reply_timeout <= 600
    for fields in family.variants.values():
        for name, capability in fields.items():
            assert isinstance(capability, Capability)
            assert capability.best is not None or capability.reason, f"{name} cannot be set, and nobody says why"
            assert capability.best is None or capability.best >= Strength.WRITTEN


@by_family
def test_a_family_has_fixtures_with_provenance(family: Family) -> None:
    documents = [yaml.safe_load(path.read_text("utf-8")) for path in sorted((FIXTURES / family.name).glob("*.yaml"))]
    cases = [case for document in documents for case in document.get("cases", [])]
    assert cases
    for case in cases:
        assert case["id"]
        assert case["provenance"]["source"], case["id"]


@by_family
def test_recorded_frames_are_the_same_byte_by_byte(family: Family) -> None:
    if not streamed(family):
        return  # a payload of a broker is one frame: there is no split
    for data, channel in recorded(family):
        whole, _ = fed(family, data, channel=channel)
        for split in (1, 2, 7):
            pieces, _ = fed(family, data, split=split, channel=channel)
            assert told(pieces) == told(whole), data.hex()


@by_family
def test_garbage_before_a_recorded_frame_does_not_hide_it(family: Family) -> None:
    """Resynchronisation: what was understood alone is understood after noise, in the next frame at the latest."""
    if not streamed(family):
        return
    chance = random.Random(8)
    found = 0
    for data, _ in recorded(family)[:40]:
        alone, stream = fed(family, data)
        messages = [event for event in alone if isinstance(event, Message)]
        if len(messages) != 1 or stream.buffered:
            continue
        noise = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 12)))
        events, _ = fed(family, noise + data * 3 + b"\r\n")
        if any(isinstance(event, Message) and event.frame == messages[0].frame for event in events):
            found += 1
        else:
            fatal = any(isinstance(event, PeerError) and event.fatal for event in events)
            held = fed(family, noise + data * 3)[1].buffered
            assert fatal or held or len(data) < 3, f"{noise.hex()} hides {data.hex()}"
    if recorded(family):
        assert found or any(fed(family, data)[1].buffered for data, _ in recorded(family))


@by_family
@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_any_bytes_give_messages_or_peer_errors(family: Family, data: st.DataObject) -> None:
    """R8 and R9: mutated frames and random bytes; the same in any split; bounded."""
    frames = recorded(family)
    base = data.draw(st.sampled_from(frames) if frames else st.just((b"", "")))
    kind = data.draw(st.sampled_from(("random", "mutated", "cut", "joined")))
    if kind == "random":
        raw = data.draw(st.binary(max_size=200))
    else:
        raw = bytearray(base[0] + (data.draw(st.sampled_from(frames))[0] if kind == "joined" and frames else b""))
        for _ in range(data.draw(st.integers(0, 4)) if raw else 0):
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        if kind == "cut":
            raw = raw[data.draw(st.integers(0, len(raw))) :]
        raw = bytes(raw)
    whole, stream = fed(family, raw, channel=base[1])
    assert stream.buffered <= family.limits.max_frame
    for event in whole:
        if isinstance(event, Message):
            try:
                json.dumps(family.fields(event))
            except PeerError:
                continue
        else:
            assert event.reason.isprintable(), "peer text is not cleaned"
    if streamed(family):
        size = data.draw(st.integers(1, 40))
        assert told(fed(family, raw, split=size)[0]) == told(whole)


@by_family
def test_declared_lengths_are_refused_at_the_header(family: Family) -> None:
    """R9: whatever length a header declares, nothing beyond the largest frame is kept."""
    if not streamed(family):
        return
    for data, _ in recorded(family)[:20]:
        for at in range(min(12, len(data) - 1)):
            for length in (b"\x00" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00", b"\x80\x00"):
                head = data[:at] + length + data[at + len(length) :]
                stream = family.stream(transport_of(family))
                for _ in range(40):
                    stream.feed(head)
                    assert stream.buffered <= family.limits.max_frame


@by_family
def test_a_recognised_opening_is_that_of_its_emulator(family: Family) -> None:
    if Transport.TCP not in family.transports:
        assert not family.recognise(b"GET / HTTP/1.1\r\n")
        return
    for variant in family.variants:
        emulator = family.emulator(device_id(a_model(family, variant)), variant, transport=Transport.TCP)
        first = b"".join(datum.data for datum in (*emulator.connect(), *emulator.heartbeat(), *emulator.report(NOW)))
        assert family.recognise(first) is not False, variant
        for count in range(len(first)):
            assert family.recognise(first[:count]) is not False, f"{variant}: judged too early, at {count} bytes"
    assert family.recognise(b"GET / HTTP/1.1\r\n") is False


@by_variant
def test_an_emulated_device_speaks_its_family(family: Family, variant: str) -> None:
    link = transport_of(family)
    emulator = family.emulator(device_id(a_model(family, variant)), variant, transport=link)
    stream = family.stream(link)
    said: list[Datum] = [*emulator.connect(), *emulator.report(NOW), *emulator.heartbeat()]
    events = [event for datum in said for event in stream.feed(*datum)]
    assert [event for event in events if isinstance(event, PeerError)] == []
    assert any(isinstance(event, Message) for event in events)
    assert stream.buffered == 0
    for event in events:
        if isinstance(event, Message):
            json.dumps(family.fields(event))
            assert event.device_id in (None, emulator.device_id)


@by_variant
def test_no_number_in_a_report_makes_it_another_frame(family: Family, variant: str) -> None:
    """Times, serial numbers and checksums of all values: no single byte of them may decide what kind of frame it is."""
    link = transport_of(family)
    emulator = family.emulator(device_id(a_model(family, variant)), variant, transport=link)
    stream = family.stream(link)
    chance = random.Random(f"{family.name}/{variant}")
    for datum in emulator.connect():
        stream.feed(*datum)
    for _ in range(1500):
        when = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(10**8))
        for datum in emulator.report(when):
            events = stream.feed(*datum)
            assert [event for event in events if isinstance(event, PeerError)] == []
            assert events, datum
            assert stream.buffered == 0


@by_variant
def test_an_emulated_device_survives_any_bytes(family: Family, variant: str) -> None:
    emulator = family.emulator(device_id(a_model(family, variant)), variant, transport=transport_of(family))
    emulator.connect()
    chance = random.Random(5)
    for _ in range(60):
        emulator.receive(bytes(chance.randrange(256) for _ in range(chance.randrange(1, 60))))


# -- models --
@pytest.mark.parametrize("model", settable(), ids=lambda model: model.code)
def test_every_settable_model_can_be_set(model: Model) -> None:
    """Dry run; then its emulator: what is told as carried ends confirmed, or as strong as the codec says it can."""
    assert model.codec is not None
    family = registry.get(model.codec)
    at, asked = target(model), wanted(model)
    capabilities = family.capabilities(at)
    assert any(each.best is not None for each in capabilities.values())
    problems = family.check(at, asked)
    assert {problem.field for problem in problems} <= asked.keys()
    assert all(problem.reason for problem in problems)
    for name in asked:
        capability = capabilities.get(name)
        if capability is None or capability.best is None:
            assert name in {each.field for each in problems}, f"{name} cannot be carried, and `check` is silent"
    refused = {problem.field for problem in problems if problem.severity is Severity.REFUSE}
    if refused:
        with pytest.raises(LocalError):
            against_nobody(family.apply(at, asked))
        asked = {name: value for name, value in asked.items() if name not in refused}
    dropped = {problem.field for problem in problems if problem.severity is Severity.UNSUPPORTED}
    if not asked.keys() - dropped:
        return
    dry, _ = against_nobody(family.apply(at, asked))
    assert dry, "nothing would be sent"
    assert {name for exchange in dry for name in exchange.command.fields} >= asked.keys() - dropped
    unit = family.emulator(at.device_id, model.variant, transport=at.transport, options=at.options)
    exchanges, outcome = against_emulator(family.apply(at, asked), unit, family.stream(at.transport))
    assert outcome.fields.keys() == asked.keys()
    for name, field in outcome.fields.items():
        if name in dropped:
            assert field.state is FieldState.UNSUPPORTED, name
            continue
        best = capabilities[name].best
        assert field.state in (FieldState.CONFIRMED, FieldState.ACKNOWLEDGED, FieldState.WRITTEN), (name, field)
        if field.state is FieldState.CONFIRMED:
            assert field.reported == asked[name]
            assert best is not None
            assert best >= Strength.READ_BACK, f"{name}: confirmed better than the codec says it can be"
            assert unit.settings.get(name) == asked[name], f"{name}: confirmed, but the device does something else"
    # Whether a device must be probed first only the device tells.
    sent = [exchange.command for exchange in exchanges if exchange.command.purpose is not Purpose.PROBE]
    fixed = [command.payload for command in sent if not command.depends_on_read]
    planned = [
        exchange.command.payload
        for exchange in dry
        if not exchange.command.depends_on_read and exchange.command.purpose is not Purpose.PROBE
    ]
    assert [each for each in planned if each not in fixed] == [], "a dry run shows bytes that are not sent"


#: What a device changes with a setting by its own document: TIMER and DISTANCE switch each other off, corner reports
#: are part of the type; a meitrack unit without an own interval at rest keeps that of the road.
LINKED = {
    ("gt06", "tracking_angle"): {"type"},
    ("gt06", "tracking_distance"): {"type", "tracking_interval"},
    ("meitrack", "tracking_interval"): {"on_stop_tracking_interval"},
}


@pytest.mark.parametrize("model", settable(), ids=lambda model: model.code)
def test_what_was_not_asked_for_stays_as_it_was(model: Model) -> None:
    """Each setting by itself: whatever else its command carries is read and kept, or the command is not written."""
    assert model.codec is not None
    family = registry.get(model.codec)
    at, asked = target(model), wanted(model)
    for name, value in asked.items():
        one = {name: value}
        if family.check(at, one):
            continue
        unit = family.emulator(at.device_id, model.variant, transport=at.transport, options=at.options)
        before = dict(unit.settings)
        against_emulator(family.apply(at, one), unit, family.stream(at.transport))
        changed = {other for other, kept in unit.settings.items() if before.get(other) != kept}
        assert changed <= {name} | LINKED.get((model.codec, name), set())


@pytest.mark.parametrize("model", settable(), ids=lambda model: model.code)
def test_a_device_that_keeps_silent_confirms_nothing(model: Model) -> None:
    assert model.codec is not None
    family = registry.get(model.codec)
    at = target(model)
    asked = {
        name: value
        for name, value in wanted(model).items()
        if name not in {each.field for each in family.check(at, wanted(model))}
    }
    if not asked:
        return
    unit = family.emulator(
        at.device_id, model.variant, transport=at.transport, options=at.options, faults=Faults(silent=True)
    )
    _, outcome = against_emulator(family.apply(at, asked), unit, family.stream(at.transport))
    states = {field.state for field in outcome.fields.values()}
    assert not states & {FieldState.CONFIRMED, FieldState.ACKNOWLEDGED}
    assert outcome.reported == {}


@pytest.mark.parametrize("model", models.all_models().values(), ids=lambda model: model.code)
def test_a_model_names_a_family_and_variant_that_exist(model: Model) -> None:
    if model.codec is None:
        assert model.reason
        return
    family = registry.get(model.codec)
    assert model.variant in family.variants
    if model.track_control != "none":
        fields = profiles.get(model.track_control).fields
        carried = {name for name, each in family.variants[model.variant].items() if each.best is not None}
        assert bool(carried & set(fields)) == model.settable, "settable: carries a field; session only: none"
