"""Eelink: recorded packages and datagrams, commands, conversations, and the traps of the wire."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from tracker_codecs.contract import (
    Checksum,
    Faults,
    Kind,
    Match,
    Message,
    Outcome,
    Purpose,
    Severity,
    Target,
    Transport,
    Verdict,
)
from tracker_codecs.drive import Exchange, against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.eelink import FAMILY
from tracker_codecs.families.eelink import settings as texts
from tracker_codecs.families.eelink.frame import command as build
from tracker_codecs.families.eelink.frame import envelope

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "eelink" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
FRAMES = {name: case for name, case in CASES.items() if case["layer"] == "frame"}
DEVICE = [name for name, case in FRAMES.items() if case["direction"] == "device_to_server"]
SERVER = [name for name, case in FRAMES.items() if case["direction"] == "server_to_device"]
IMEI = "354188048612829"  # of the recorded version 1 login
COLLECT = {
    "tracking_interval": 120,
    "tracking_distance": 200,
    "tracking_angle": 40,
    "active_tracking_interval": 30,
}
ASKED = {**COLLECT, "gps_working_mode": "auto", "gsm_working_mode": "always_on"}


def raw(name: str) -> bytes:
    return bytes.fromhex(CASES[name]["data"])


def link(name: str) -> Transport:
    return Transport(CASES[name].get("transport", "tcp"))


def one(data: bytes, transport: Transport = Transport.TCP) -> Message:
    (event,) = FAMILY.stream(transport).feed(data)
    assert isinstance(event, Message), event
    return event


def answer(uid: int, text: str, imei: str = IMEI) -> Message:
    """An answer by the layout of the recorded one, behind a login."""
    content = b"\x01" + uid.to_bytes(4, "big") + text.encode("ascii")
    login = b"gg\x01\0\x0c\0\1" + bytes.fromhex("0" + imei) + b"\x01\x20"
    _, event = FAMILY.stream().feed(login + b"gg\x80" + (len(content) + 2).to_bytes(2, "big") + b"\0\0" + content)
    assert isinstance(event, Message)
    return event


def target(variant: str = "v2", **more: Any) -> Target:
    return Target(IMEI, variant=variant, serial=0x1001, **more)


def applied(
    asked: dict[str, Any] | None = None, at: Target | None = None, **unit: Any
) -> tuple[list[Exchange], Outcome, Any]:
    at = at or target(experimental=True)
    device = FAMILY.emulator(IMEI, at.variant, transport=at.transport, **unit)
    return *against_emulator(FAMILY.apply(at, asked or ASKED), device, FAMILY.stream(at.transport)), device


def sent(exchanges: list[Exchange]) -> list[str]:
    return [each.command.text for each in exchanges]


def states(outcome: Outcome) -> set[str]:
    return {found.state.value for found in outcome.fields.values()}


def spoken(answers: list[str | None], asked: dict[str, Any], at: Target | None = None) -> tuple[list[str], Outcome]:
    """The commands of a dialogue that hears these texts in order (None: silence)."""
    dialogue = FAMILY.apply(at or target(), asked)
    said: list[str] = []
    try:
        command = next(dialogue)
        for text in answers:
            said.append(command.text)
            (heard,) = FAMILY.decode_server(command.payload)
            assert isinstance(heard, Message)
            command = dialogue.send(collect(command, [] if text is None else [answer(heard.data.uid, text)]))
    except StopIteration as stop:
        return said, stop.value
    raise AssertionError(f"more is asked than was answered: {command.text}")


# -- packages --
def test_every_case_is_tested_one_way() -> None:
    assert len(DEVICE) + len(SERVER) + 2 == len(CASES) == 21


@pytest.mark.parametrize("name", DEVICE)
def test_device_package(name: str) -> None:
    means = CASES[name]["means"]
    stream = FAMILY.stream(link(name), clock=lambda: datetime(2020, 4, 9, 7, 58, 30, tzinfo=UTC))
    (message,) = stream.feed(raw(name))
    assert isinstance(message, Message)
    found = FAMILY.fields(message)
    for key in means.keys() - {"server_owes"}:
        assert found[key] == means[key], key
    if "server_owes" in means:
        assert message.owed == bytes.fromhex(means["server_owes"] or "")
    kinds = {"login": Kind.LOGIN, "heartbeat": Kind.HEARTBEAT, "command_reply": Kind.REPLY}
    assert message.kind is kinds.get(means["message"], Kind.REPORT)
    assert message.device_id == stream.device_id == means.get("imei")
    assert message.text == (means["text"] if means["message"] == "command_reply" else "")
    assert message.checksum is (Checksum.OK if link(name) is Transport.UDP else Checksum.NONE)


@pytest.mark.parametrize("name", SERVER)
def test_server_package(name: str) -> None:
    (message,) = FAMILY.decode_server(raw(name))
    assert isinstance(message, Message)
    found = FAMILY.fields(message)
    means = CASES[name]["means"]
    assert {key: found[key] for key in means} == means


def test_a_login_is_answered_in_the_form_of_its_version() -> None:
    assert one(raw("login-v1")).owed == bytes.fromhex("67670100020026")
    clock = lambda: datetime(2020, 4, 9, 7, 58, 30, tzinfo=UTC)  # noqa: E731  # the time of login-reply-built
    longer = b"gg\x01\0\x0d\0\x07" + raw("login-v1")[7:] + b"\x02"
    (message,) = FAMILY.stream(clock=clock).feed(longer)
    assert isinstance(message, Message)
    assert message.owed == raw("login-reply-built")
    (login,) = FAMILY.stream(Transport.UDP, clock=clock).feed(raw("login-udp-v2"))
    assert isinstance(login, Message)
    inner = bytes.fromhex("67670100090002") + raw("login-reply-built")[7:]
    assert login.owed == envelope("352544071677471", inner)


def test_places_are_where_the_recorded_packages_were_taken() -> None:
    """Durban, Surat and Shenzhen."""
    for name, place in (("gps-02", (-29.6, 30.4)), ("loc-12", (21.2, 72.8)), ("loc-udp", (22.6, 113.9))):
        found = FAMILY.fields(one(raw(name), link(name)))
        assert (round(found["latitude"], 1), round(found["longitude"], 1), found["valid"]) == (*place, True)


def test_only_the_login_names_the_unit_and_packages_may_share_a_segment() -> None:
    events = FAMILY.stream().feed(raw("hb") + raw("login-v1") + raw("hb") + raw("gps-02"))
    assert [e.device_id for e in events if isinstance(e, Message)] == [None, IMEI, IMEI, IMEI]
    (fault,) = FAMILY.stream().feed(b"gg\x01\0\x0c\0\1" + bytes.fromhex("354188048612829f") + b"\x01\x20")
    assert isinstance(fault, PeerError)


def test_a_datagram_is_answered_in_one_and_taken_whole_or_not_at_all() -> None:
    data = raw("loc-udp")
    assert one(data, Transport.UDP).owed == envelope("352544071677471", bytes.fromhex("67671200020021"))
    for bit in range(8 * len(data)):
        broken = bytearray(data)
        broken[bit // 8] ^= 1 << bit % 8
        (fault,) = FAMILY.stream(Transport.UDP).feed(bytes(broken))
        assert isinstance(fault, PeerError)
    for cut in (data[:-1], data + b"\0", b"", b"gg", raw("hb")):
        stream = FAMILY.stream(Transport.UDP)
        assert [type(event) for event in stream.feed(cut)] == [PeerError]
        assert stream.buffered == 0
    two = envelope("352544071677471", raw("hb") + raw("hb-3"))
    messages = FAMILY.stream(Transport.UDP).feed(two)
    assert [(e.kind, e.device_id) for e in messages if isinstance(e, Message)] == [
        (Kind.HEARTBEAT, "352544071677471")
    ] * 2


def test_garbage_is_told_once_and_the_next_package_is_found() -> None:
    for dirt in (b"GET / HTTP/1.1\r\n\r\n", b"gg\x03\0\0\0\0", b"gg\x55\0\x04zz", b"gg\x03\xff\xff", bytes(50)):
        events = FAMILY.stream().feed(dirt + raw("login-v1") + raw("hb"))
        assert [type(event) for event in events] == [PeerError, Message, Message]


def test_recognition() -> None:
    for name in DEVICE:
        assert FAMILY.recognise(raw(name)) is True
        assert FAMILY.recognise(raw(name)[:4]) is None
    for other in (b"gg\x03\0\0", b"gg\x55\0\x04", b"EL\0\x03\0", b"Elephant", b"xx\x0d\x01\x01"):
        assert FAMILY.recognise(other) is False


def test_contents_that_end_too_early_are_the_peers_fault() -> None:
    for number in (0x02, 0x04, 0x05, 0x12, 0x14, 0x15):
        with pytest.raises(PeerError):
            FAMILY.fields(one(b"gg%c\0\x06\0\1\xff\xff\xff\xff" % number))


def test_ids_are_replaced_and_what_varies_is_blanked() -> None:
    new = "123456789012345"
    (event,) = FAMILY.stream(Transport.UDP).feed(FAMILY.rename(raw("login-udp-v2"), "352544071677471", new))
    assert isinstance(event, Message)
    assert (event.kind, event.device_id) == (Kind.LOGIN, new)
    assert one(FAMILY.rename(raw("login-v1"), IMEI, new)).device_id == new
    assert FAMILY.rename(raw("hb"), IMEI, new) == raw("hb")
    assert FAMILY.normalise(raw("cmd-timer-built")) == bytes.fromhex("67678000100000010000000054494d45522c363023")
    assert FAMILY.normalise(raw("login-reply-built")) == bytes.fromhex("676701000900070000000000" + "0100")
    assert FAMILY.normalise(raw("cmd-relay-udp"))[4:6] == b"\0\0"


# -- commands --
def test_commands_are_framed_as_published() -> None:
    for name in ("cmd-relay", "cmd-collect-built", "cmd-collect-query-built", "cmd-timer-built"):
        means = CASES[name]["means"]
        assert build(means["text"], int(means["server_flag"], 16), means["serial"]) == raw(name)
    assert envelope("123456789012345", raw("cmd-relay")) == raw("cmd-relay-udp")
    timer = against_nobody(FAMILY.apply(target("v1"), {"tracking_interval": 60}))[0][0].command
    assert FAMILY.normalise(timer.payload) == FAMILY.normalise(raw("cmd-timer-built"))
    planned = [each.command for each in against_nobody(FAMILY.apply(target(), COLLECT))[0]]
    assert [FAMILY.normalise(each.payload) for each in planned[:2]] == [
        FAMILY.normalise(raw("cmd-collect-query-built")),
        FAMILY.normalise(raw("cmd-collect-built")),
    ]
    assert [each.purpose for each in planned] == [Purpose.READ, Purpose.WRITE, Purpose.READ_BACK]
    over_udp = next(FAMILY.apply(target(transport=Transport.UDP), COLLECT))
    assert over_udp.payload == envelope(IMEI, planned[0].payload)


def test_an_operator_s_own_commands() -> None:
    command = FAMILY.raw(target(), "RELAY,1#")
    assert FAMILY.normalise(command.payload) == FAMILY.normalise(raw("cmd-relay"))
    assert FAMILY.raw(target(), raw("cmd-relay")).payload == raw("cmd-relay")
    (sent_one,) = FAMILY.decode_server(command.payload)
    assert isinstance(sent_one, Message)
    assert command.match(answer(sent_one.data.uid, "whatever")) is Match.DONE
    assert command.match(answer(0, "whatever")) is Match.NO
    for bad in ("", "a" * 201, "RELAY\r\n", "Ö", b""):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), bad)


# -- texts --
def test_texts() -> None:
    assert texts.said(CASES["text-set-timer-ok"]["data"]) is texts.Said.YES
    assert texts.said("SET TIMER OK, ERROR 3") is texts.Said.NO
    assert texts.said("broken") is texts.Said.UNCLEAR
    assert texts.collect("COLLECT:120, 200,40,30,1#") == (120, 200, 40, 30, 1)
    assert texts.gps("GPS,0") == (0,)
    assert texts.gps(CASES["text-gps-short"]["means"]["equals"]) == (1, 120, 0, 0, 0, 0)


@pytest.mark.parametrize(
    "text",
    [
        *("", "COLLECT", "COLLECT,120,200,40,30", "COLLECT,120,200,40,30,1,7", "COLLECT,120,200,40,30,1.5"),
        *("COLLECT,-120,200,40,30,1", "120,200,40,30,1", "COLLECT interval 120 distance 200 angle 40 moving 30 q 1"),
    ],
)
def test_other_texts_tell_nothing(text: str) -> None:
    assert texts.collect(text) is None
    assert texts.gps(text) is None


# -- conversations --
def test_version_1_is_acknowledged_and_cannot_be_asked() -> None:
    exchanges, outcome, unit = applied({"tracking_interval": 60}, target("v1"))
    assert sent(exchanges) == ["TIMER,60#"]
    assert exchanges[0].reply.text == CASES["text-set-timer-ok"]["data"]
    assert (states(outcome), unit.settings) == ({"acknowledged"}, {"tracking_interval": 60})
    assert against_nobody(FAMILY.read(target("v1"), ["tracking_interval"]))[0] == []
    for text, state in (("TIMER ERROR", "rejected"), ("what?", "written"), (None, "written")):
        _, outcome = spoken([text], {"tracking_interval": 60}, target("v1"))
        assert (states(outcome), outcome.unanswered) == ({state}, text is None)


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.UDP])
def test_version_2_keeps_what_is_no_setting_and_reads_back(transport: Transport) -> None:
    device = FAMILY.emulator(IMEI, "v2", transport=transport)
    device.stored = {"COLLECT": [9, 9, 9, 9, 5], "GPS": [1, 60, 5, 1, 60, 2], "GSM": [1]}  # type: ignore[attr-defined]
    at = target(experimental=True, transport=transport)
    exchanges, outcome = against_emulator(FAMILY.apply(at, ASKED), device, FAMILY.stream(transport))
    assert sent(exchanges) == [
        *("COLLECT?", "COLLECT,120,200,40,30,5#", "COLLECT?", "GPS?", "GPS,1,60,5,1,60,2#", "GPS?", "GSM,0#")
    ]
    assert {name: found.state.value for name, found in outcome.fields.items()} == {
        **dict.fromkeys(ASKED, "confirmed"),
        "gsm_working_mode": "acknowledged",
    }
    assert outcome.known == {"collect": "120,200,40,30,5", "gps": "1,60,5,1,60,2"}
    assert device.settings == ASKED


def test_always_on_needs_no_times_and_switching_back_takes_the_documented_ones() -> None:
    exchanges, outcome, unit = applied({"gps_working_mode": "always_on"})
    assert sent(exchanges) == ["GPS?", "GPS,0#", "GPS?"]
    assert (states(outcome), unit.stored["GPS"][0]) == ({"confirmed"}, 0)
    said, outcome = spoken(["GPS,0", "OK", "GPS,1,120,0,0,0,0"], {"gps_working_mode": "auto"})
    assert (said[1], states(outcome)) == ("GPS,1#", {"confirmed"})
    _, outcome = spoken(["GPS,0", "OK", "GPS,3"], {"gps_working_mode": "auto"})
    assert (states(outcome), outcome.reported) == ({"mismatched"}, {"gps_working_mode": "mode 3"})


def test_where_the_unit_does_not_tell_the_rest_an_option_must() -> None:
    at = target(experimental=True)
    exchanges, outcome, _ = applied(at=at, options={"readable": False})
    assert sent(exchanges) == ["COLLECT?", "GPS?", "GSM,0#"]
    for name, found in outcome.fields.items():
        assert found.state.value == ("acknowledged" if name == "gsm_working_mode" else "rejected")
    assert "upload_quantity" in outcome.fields["tracking_interval"].reason
    at = target(options={"upload_quantity": 1, "gps_defaults": True})
    exchanges, outcome, _ = applied({**COLLECT, "gps_working_mode": "auto"}, at, options={"readable": False})
    assert sent(exchanges) == ["COLLECT?", "COLLECT,120,200,40,30,1#", "GPS?", "GPS,1#"]
    assert states(outcome) == {"acknowledged"}  # nothing was read
    for options in ({"upload_quantity": 0}, {"upload_quantity": "1"}, {"gps_defaults": 1}):
        with pytest.raises(LocalError):
            FAMILY.check(target(options=options), COLLECT)


def test_gsm_needs_the_experimental_switch() -> None:
    (problem,) = FAMILY.check(target(), ASKED)
    assert (problem.field, problem.severity) == ("gsm_working_mode", Severity.UNSUPPORTED)
    exchanges, outcome, _ = applied(at=target())
    assert not any(text.startswith("GSM") for text in sent(exchanges))
    assert outcome.fields["gsm_working_mode"].state.value == "unsupported"


@pytest.mark.parametrize(
    ("faults", "state"),
    [
        (Faults(clamp={name: (1, 20) for name in COLLECT}), "mismatched"),
        (Faults(ignore=frozenset(COLLECT)), "mismatched"),
        (Faults(refuse=frozenset(COLLECT)), "rejected"),
        (Faults(silent=True), "unknown"),
    ],
)
def test_faults(faults: Faults, state: str) -> None:
    told = {"tracking_interval": 21, "tracking_distance": 22, "tracking_angle": 23, "active_tracking_interval": 24}
    exchanges, outcome, unit = applied(COLLECT, faults=faults, settings=told)
    assert states(outcome) == {state}
    assert outcome.unanswered is faults.silent
    assert len(exchanges) == (1 if faults.silent else 3)
    for name, found in outcome.fields.items():
        assert found.reported in (None, unit.settings[name])


def test_silence_ends_the_conversation() -> None:
    asked = {**COLLECT, "gps_working_mode": "auto"}
    told = "COLLECT,1,2,3,4,1"
    said, outcome = spoken([told, None], asked)
    assert (said[-1], outcome.unanswered) == ("COLLECT,120,200,40,30,1#", True)
    assert outcome.fields["tracking_angle"].state.value == "written"
    said, outcome = spoken([told, "OK", None], asked)
    assert (len(said), outcome.unanswered) == (3, True)
    assert outcome.fields["tracking_angle"].state.value == "acknowledged"


def test_a_late_answer_to_an_older_revision_matches_nothing() -> None:
    first = next(FAMILY.apply(target(), COLLECT))
    (now,) = FAMILY.decode_server(first.payload)
    (older,) = FAMILY.decode_server(next(FAMILY.apply(Target(IMEI, variant="v2", serial=0x1000), COLLECT)).payload)
    assert isinstance(now, Message)
    assert isinstance(older, Message)
    text = "COLLECT,120,200,40,30,1"
    assert first.match(answer(now.data.uid, text)) is Match.DONE
    assert first.match(answer(older.data.uid, text)) is Match.NO
    assert first.match(answer(now.data.uid, text, "352544071750518")) is Match.NO
    assert first.match(one(raw("rep-where"))) is Match.NO
    assert len({each.command.payload for each in applied()[0]}) == 7


def test_no_flipped_bit_of_a_read_back_confirms() -> None:
    """Nothing but TCP's own checksum guards a package: a flipped digit is another value, and told as that."""
    last = applied(COLLECT)[0][-1]
    (asked,) = FAMILY.decode_server(last.command.payload)
    assert isinstance(asked, Message)
    frame = answer(asked.data.uid, "COLLECT,777,888,99,666,1").frame
    login = raw("login-v1")
    for bit in range(8 * len(frame)):
        broken = bytearray(frame)
        broken[bit // 8] ^= 1 << bit % 8
        heard = [e for e in FAMILY.stream().feed(login + bytes(broken) + raw("hb") * 40) if isinstance(e, Message)]
        reply = collect(last.command, heard)
        told = texts.collect(reply.messages[-1].data.text) if reply.messages else None
        assert not set(told or ()) & set(COLLECT.values())
        guarded = envelope(IMEI, frame)
        broken = bytearray(guarded)
        broken[bit // 8] ^= 1 << bit % 8
        datagrams = [e for e in FAMILY.stream(Transport.UDP).feed(bytes(broken)) if isinstance(e, Message)]
        assert collect(last.command, datagrams).verdict is Verdict.TIMEOUT


def test_a_dry_run_shows_what_is_known_of_the_unit() -> None:
    known = {"collect": "1,2,3,4,6", "gps": "1,60,5,1,60,2"}
    texts_of = sent(
        against_nobody(FAMILY.apply(target(known=known), {"tracking_angle": 10, "gps_working_mode": "auto"}))[0]
    )
    assert texts_of == ["COLLECT?", "COLLECT,1,2,10,4,6#", "COLLECT?", "GPS?", "GPS,1,60,5,1,60,2#", "GPS?"]
    bare = sent(against_nobody(FAMILY.apply(target(), {**COLLECT, "gps_working_mode": "auto"}))[0])
    assert (bare[1], bare[4]) == ("COLLECT,120,200,40,30,1#", "GPS,1#")


def test_what_is_in_force_is_read() -> None:
    unit = FAMILY.emulator(IMEI, "v2", settings={**COLLECT, "gps_working_mode": "always_on"})
    exchanges, outcome = against_emulator(FAMILY.read(target(), list(ASKED)), unit, FAMILY.stream())
    assert sent(exchanges) == ["COLLECT?", "GPS?"]
    assert outcome.reported == {**COLLECT, "gps_working_mode": "always_on"}


@pytest.mark.parametrize(
    ("variant", "field", "bad", "good"),
    [
        ("v1", "tracking_interval", [0, 65536, True, "60", 1.5], [1, 18000]),
        ("v2", "tracking_interval", [-1, 65536], [0, 65535]),
        ("v2", "active_tracking_interval", [0, 65536], [1]),
        ("v2", "tracking_angle", [-1, 360], [0, 180]),
        ("v2", "gps_working_mode", ["off", 0, "3#"], ["auto", "always_on"]),
    ],
)
def test_values_that_do_not_fit_are_refused(variant: str, field: str, bad: list[Any], good: list[Any]) -> None:
    for value in bad:
        (problem,) = FAMILY.check(target(variant), {field: value})
        assert (problem.field, problem.severity) == (field, Severity.REFUSE)
        with pytest.raises(LocalError):
            FAMILY.apply(target(variant), {field: value})
    for value in good:
        assert FAMILY.check(target(variant), {field: value}) == []
    (problem,) = FAMILY.check(target(variant), {"sleep_mode": 1})
    assert problem.severity is Severity.UNSUPPORTED
