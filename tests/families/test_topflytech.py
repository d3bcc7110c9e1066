"""TopFlyTech: recorded and printed frames, the conversations, and positions as the only reading."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
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
    Severity,
    Strength,
    Target,
    Transport,
    Verdict,
)
from tracker_codecs.drive import against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.topflytech.family import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "topflytech" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
FRAMES = [n for n, case in CASES.items() if case["layer"] == "frame"]
DEVICE = [n for n in FRAMES if CASES[n]["direction"] == "device_to_server"]
SERVER = [n for n in FRAMES if n not in DEVICE]
TEXTS = [n for n, case in CASES.items() if case["layer"] == "text"]
IMEI = "880316890202968"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
#: What the recorded position of this unit tells, and another wish.
THERE = {"tracking_interval": 30, "psm_interval": 600, "tracking_angle": 45, "tracking_distance": 0}
ASKED = {"tracking_interval": 50, "psm_interval": 3600, "tracking_angle": 30, "tracking_distance": 500}


def raw(name: str) -> bytes:
    return bytes.fromhex(CASES[name]["data"])


def position(told: dict[str, int], when: datetime = NOW, name: str = "loc-2323") -> bytes:
    """The recorded position with other settings and another time (29 bytes behind the head)."""
    frame = bytearray(raw(name))
    frame[15:17] = told["tracking_interval"].to_bytes(2, "big")
    frame[17:19] = told["psm_interval"].to_bytes(2, "big")
    frame[19] = told["tracking_angle"]
    frame[20:22] = told["tracking_distance"].to_bytes(2, "big")
    frame[44:50] = bytes.fromhex(f"{when:%y%m%d%H%M%S}")
    return bytes(frame)


def answer(text: str) -> bytes:
    """An answer to a command, in the form of the recorded one."""
    body = b"\x01" + text.encode("utf-16-le")
    head = raw("loc-2323")
    return head[:2] + b"\x81" + (15 + len(body)).to_bytes(2, "big") + b"\0\1" + head[7:15] + body


TOOK = answer(f"IMEI:{IMEI},SET TIMER OK#")
THERE_NOW, ASKED_NOW = position(THERE), position(ASKED)


def heard(*frames: bytes) -> list[Message]:
    return [event for event in FAMILY.stream().feed(b"".join(frames)) if isinstance(event, Message)]


def target(**more: Any) -> Target:
    return Target(IMEI, variant="topfly", now=lambda: NOW, **{"known": {"header": "2323"}, **more})


def spoken(*answers: list[bytes], at: Target | None = None) -> tuple[list[bytes], Outcome]:
    """The commands and the outcome of a dialogue with these answers in order; then silence."""
    dialogue = FAMILY.apply(at or target(), ASKED)
    command = next(dialogue)
    sent = []
    try:
        for frames in [*answers, *[[]] * 5]:
            sent.append(command.payload)
            command = dialogue.send(collect(command, heard(*frames)))
    except StopIteration as stop:
        outcome: Outcome = stop.value
        return sent, outcome
    raise AssertionError("the dialogue does not end")


def state(outcome: Outcome) -> str:
    """The state of all four settings."""
    (one,) = {found.state.value for found in outcome.fields.values()}
    assert outcome.fields.keys() == ASKED.keys()
    return one


# -- frames --
@pytest.mark.parametrize("name", DEVICE)
def test_device_frame(name: str) -> None:
    means = dict(CASES[name]["means"])
    owed = means.pop("server_owes", None)
    (event,) = FAMILY.stream().feed(raw(name))
    assert isinstance(event, Message)
    assert {**FAMILY.fields(event), **means} == FAMILY.fields(event)
    kinds = {"login": Kind.LOGIN, "heartbeat": Kind.HEARTBEAT, "command_reply": Kind.REPLY}
    assert event.kind is kinds.get(means["message"], Kind.REPORT)
    assert (event.device_id, event.checksum) == (means["imei"], Checksum.NONE)
    if owed:
        assert event.owed == bytes.fromhex(owed)
    assert FAMILY.recognise(raw(name)) is True


@pytest.mark.parametrize("name", SERVER)
def test_server_frame(name: str) -> None:
    means = CASES[name]["means"]
    (event,) = FAMILY.server(raw(name))
    assert isinstance(event, Message)
    told = FAMILY.fields(event)
    assert {key: told[key] for key in ("message", "header", "type", "length_field", "serial", "imei")} == {
        key: means[key] for key in ("message", "header", "type", "length_field", "serial", "imei")
    }
    assert told.get("text") == means.get("text")


@pytest.mark.parametrize("name", TEXTS)
def test_texts_of_answers(name: str) -> None:
    (event,) = heard(answer(CASES[name]["data"]))
    assert event.text == CASES[name]["data"]
    assert FAMILY.fields(event)["status"] == CASES[name]["means"]["status"]


def test_what_is_owed() -> None:
    """Serial 1 for header 2323, else the message's; the alarm's code behind it; nothing for answers."""
    assert [event.owed for event in heard(raw("loc-2525"))] == [bytes.fromhex("252502000fa66d0862522030401350")]
    assert [event.owed for event in heard(raw("loc-2323"))] == [bytes.fromhex("232302000f00010880316890202968")]
    (alarm,) = heard(raw("loc-2525-14-2"))
    assert alarm.owed == bytes.fromhex("2525140010002d0869084069062093") + raw("loc-2525-14-2")[45:46]
    assert [event.owed for event in heard(raw("rep-version-vendor"), TOOK)] == [b"", b""]
    other = bytearray(raw("loc-2525-14-2"))
    other[2] = 0x18  # nobody says where its code is
    assert [event.owed for event in heard(bytes(other))] == [b""]


@pytest.mark.parametrize("split", [1, 4, 500])
def test_garbage_costs_itself_only(split: int) -> None:
    broken = bytearray(raw("loc-2323"))
    broken[9] = 0xFA  # no BCD
    data = b"##,imei:1" + bytes(broken) + raw("login-2525")
    stream = FAMILY.stream()
    events = [each for at in range(0, len(data), split) for each in stream.feed(data[at : at + split])]
    assert isinstance(events[0], PeerError)
    assert events[-1].owed == bytes.fromhex(CASES["login-2525"]["means"]["server_owes"])  # type: ignore[union-attr]
    assert stream.buffered == 0
    (short,) = FAMILY.stream(Transport.UDP).feed(raw("loc-2323")[:40])
    assert isinstance(short, PeerError)
    for opening in (b"##,imei:359586018966098,A;", b"%%123", b"$$"):
        assert FAMILY.recognise(opening) is False
    with pytest.raises(PeerError):
        FAMILY.fields(heard(bytes.fromhex("232302000f00010880316890202968"))[0])


def test_settings_are_not_read_from_other_frames() -> None:
    (asset,) = heard(raw("loc-2727"))
    assert "settings" not in FAMILY.fields(asset)
    command = next(
        FAMILY.read(Target("860112047066487", variant="topfly", now=lambda: NOW - timedelta(9999)), ["x", *ASKED])
    )
    assert command.match(asset) is Match.NO


# -- conversations --
def test_commands_have_the_published_form() -> None:
    at = target()
    (write, *_), _ = spoken([TOOK], [ASKED_NOW])
    assert write[15:] == b"\x01TIMER,0000,50:3600:30:500#"
    dialogue = FAMILY.apply(at, THERE)
    assert next(dialogue).payload == raw("cmd-timer-built")
    vendor = Target("865284041146204", variant="topfly", options={"header": "2525", "short_length": True})
    assert FAMILY.raw(vendor, "VERSION#").payload == raw("cmd-version-vendor")
    relay = FAMILY.raw(Target("123456789012345", variant="topfly"), "RELAY,0000,On")
    assert relay.payload == raw("cmd-relay-traccar")
    assert (relay.text, relay.secrets) == ("RELAY,***,On#", (b"0000",))
    assert next(FAMILY.apply(target(options={"pin": ""}), THERE)).payload[16:] == b"TIMER,30:600:45:0#"
    assert next(FAMILY.apply(target(options={"pin": 7}), THERE)).payload[16:] == b"TIMER,0007,30:600:45:0#"


def test_a_change_is_confirmed_by_the_next_position() -> None:
    sent, outcome = spoken([TOOK], [answer(f"IMEI:{IMEI},SET VERSION OK,x#"), ASKED_NOW])
    assert [payload[16:] for payload in sent] == [b"TIMER,0000,50:3600:30:500#", b"VERSION#"]
    assert state(outcome) == "confirmed"
    assert {found.strength for found in outcome.fields.values()} == {Strength.READ_BACK}


def test_old_positions_prove_nothing() -> None:
    hour = timedelta(hours=1)
    _, outcome = spoken([TOOK], [position(ASKED, NOW - hour)])
    assert (state(outcome), outcome.unanswered) == ("acknowledged", False)
    old = [position(THERE, NOW - hour)] * 5
    assert state(spoken([TOOK], [*old, ASKED_NOW])[1]) == "confirmed"
    assert state(spoken([TOOK], [THERE_NOW, THERE_NOW, ASKED_NOW])[1]) == "confirmed"
    # Three that say otherwise, or the last before time is up, are believed.
    _, outcome = spoken([TOOK], [THERE_NOW, THERE_NOW, THERE_NOW, ASKED_NOW])
    assert outcome.reported == THERE
    assert outcome.fields["tracking_distance"].state.value == "mismatched"
    assert spoken([TOOK], [THERE_NOW])[1].reported == THERE
    timeless = bytearray(ASKED_NOW)
    timeless[44:50] = b"\xff" * 6
    assert state(spoken([TOOK], [bytes(timeless)])[1]) == "acknowledged"


def test_the_second_generation_of_positions_tells_its_time_further_on() -> None:
    (event,) = heard(raw("loc-2525-13"))
    when = datetime.fromisoformat(FAMILY.fields(event)["time"])
    for late, match in ((timedelta(0), Match.DONE), (timedelta(hours=1), Match.NO)):
        at = Target("867284062764958", variant="topfly", now=partial(datetime.__add__, when, late))
        assert next(FAMILY.read(at, list(ASKED))).match(event) is match


def test_answers_that_are_none_of_timer() -> None:
    version = answer(f"IMEI:{IMEI},SET VERSION OK,x#")
    _, outcome = spoken([version])
    assert (state(outcome), outcome.unanswered) == ("written", True)
    for text in ("SET TIMER ERROR#", "timer fail", "ERROR", "SET TIMER DELAY, GPS UNFIXED#"):
        sent, outcome = spoken([version, answer(text)])
        assert (state(outcome), len(sent), outcome.unanswered) == ("rejected", 1, False)
    assert state(spoken([answer("set timer ok#")], [ASKED_NOW])[1]) == "confirmed"
    foreign = TOOK.replace(bytes.fromhex("0880316890202968"), bytes.fromhex("0880316890202969"))
    assert state(spoken([foreign])[1]) == "written"


def test_a_write_without_an_answer_is_settled_by_the_position() -> None:
    _, outcome = spoken([], [ASKED_NOW])
    assert (state(outcome), outcome.unanswered) == ("confirmed", False)
    _, outcome = spoken([], [THERE_NOW])
    assert outcome.unanswered


def test_the_header_is_that_of_the_unit() -> None:
    beat = raw("hb-2323").replace(b"##", b"%%", 1)
    at = target(known={}, options={"header": "2323"})
    sent, outcome = spoken([beat], [TOOK], [ASKED_NOW], at=at)
    assert [payload[:2] for payload in sent] == [b"##", b"%%", b"%%"]
    assert outcome.known == {"header": "2323"}  # the position came with it
    sent, outcome = spoken([raw("hb-2323").replace(b"##", b"''", 1)], at=at)
    assert (len(sent), state(outcome)) == (1, "rejected")
    assert spoken(at=at)[1].unanswered
    for header in ("2727", "x", "9999"):
        with pytest.raises(LocalError):
            next(FAMILY.apply(target(known={}, options={"header": header}), ASKED))


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        (Faults(clamp=dict.fromkeys(ASKED, (0, 20))), "mismatched"),
        (Faults(ignore=frozenset(ASKED)), "mismatched"),
        (Faults(refuse=frozenset(("tracking_angle",))), "rejected"),
        (Faults(silent=True), "unknown"),
    ],
)
def test_faults(faults: Faults, expected: str) -> None:
    unit = FAMILY.emulator(IMEI, "topfly", faults=faults)
    _, outcome = against_emulator(FAMILY.apply(Target(IMEI, variant="topfly"), ASKED), unit, FAMILY.stream())
    assert state(outcome) == expected
    for name, found in outcome.fields.items():
        assert found.reported in (None, unit.settings[name])
    assert outcome.unanswered is faults.silent


def test_a_unit_that_first_sends_what_it_kept() -> None:
    unit = FAMILY.emulator(IMEI, "topfly", options={"old": 2})
    _, outcome = against_emulator(FAMILY.apply(Target(IMEI, variant="topfly"), ASKED), unit, FAMILY.stream())
    assert state(outcome) == "confirmed"
    assert unit.settings == ASKED


def test_flipped_bits_of_a_position_never_confirm_another_value() -> None:
    for bit in range(8 * 15, 8 * 22):
        broken = bytearray(ASKED_NOW)
        broken[bit // 8] ^= 1 << bit % 8
        _, outcome = spoken([TOOK], [bytes(broken)])
        assert [name for name, found in outcome.fields.items() if found.state.value == "mismatched"], bit
    for bit in range(8 * 15):  # in the head: another unit, another kind, no frame
        broken = bytearray(ASKED_NOW)
        broken[bit // 8] ^= 1 << bit % 8
        _, outcome = spoken([TOOK], [bytes(broken)])
        assert all(found.reported in (None, ASKED[name]) for name, found in outcome.fields.items()), bit


def test_reading_and_the_dry_run() -> None:
    unit = FAMILY.emulator(IMEI, "topfly", settings=ASKED)
    _, outcome = against_emulator(FAMILY.read(Target(IMEI, variant="topfly"), list(ASKED)), unit, FAMILY.stream())
    assert outcome.reported == ASKED
    assert against_nobody(FAMILY.read(target(), []))[0] == []
    dry, _ = against_nobody(FAMILY.apply(target(known={}), ASKED))
    assert [each.command.text for each in dry] == ["VERSION#", "TIMER,***,50:3600:30:500#", "VERSION#"]


def test_what_does_not_fit_is_told_before_anything_is_sent() -> None:
    wanted = {"tracking_interval": -1, "psm_interval": 65536, "tracking_angle": 91, "tracking_distance": True, "x": 1}
    found = {problem.field: problem.severity for problem in FAMILY.check(target(), wanted)}
    assert found == {**dict.fromkeys(ASKED, Severity.REFUSE), "x": Severity.UNSUPPORTED}
    # TIMER carries all four: some alone would overwrite the others with a guess.
    (alone,) = FAMILY.check(target(), {"tracking_interval": 60})
    assert alone.severity is Severity.UNSUPPORTED
    assert against_nobody(FAMILY.apply(target(), {"tracking_interval": 60}))[0] == []
    for options in ({"pin": "00#"}, {"pin": "0,1"}):
        with pytest.raises(LocalError):
            next(FAMILY.apply(target(options=options), ASKED))
    for text in ("", "A#B", "é", "x" * 161, "a\nb"):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), text)
    assert collect(FAMILY.raw(target(), "X"), heard(TOOK)).verdict is Verdict.ANSWERED
