"""GPS watches: recorded frames, what is owed, UPLOAD and TS as the vendor prints them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tracker_codecs.contract import Faults, Kind, Message, Outcome, Severity, Target
from tracker_codecs.drive import against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.watch.family import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "watch" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
DEVICE = [name for name, case in CASES.items() if case["direction"] == "device_to_server" and not case.get("layer")]
SERVER = [name for name, case in CASES.items() if case["direction"] == "server_to_device"]
ID = "8800000015"


def raw(name: str) -> bytes:
    return str(CASES[name]["data"]).encode("ascii")


def heard(data: bytes) -> list[Message]:
    return [event for event in FAMILY.stream().feed(data) if isinstance(event, Message)]


def said(content: str, device_id: str = ID) -> bytes:
    return f"[3G*{device_id}*{len(content):04X}*{content}]".encode("ascii")


def target(**options: Any) -> Target:
    return Target(ID, variant="standard", options=options)


def spoken(*answers: bytes, seconds: int = 600) -> tuple[list[bytes], Outcome]:
    """The commands and the outcome of setting the interval, with these answers in order; then silence."""
    dialogue = FAMILY.apply(target(), {"tracking_interval": seconds})
    command = next(dialogue)
    payloads = []
    try:
        for answer in [*answers, b"", b""]:
            payloads.append(command.payload)
            command = dialogue.send(collect(command, heard(answer)))
    except StopIteration as stop:
        outcome: Outcome = stop.value
        return payloads, outcome
    raise AssertionError("the dialogue does not end")


# -- frames --
@pytest.mark.parametrize("name", DEVICE)
def test_device_frames(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = heard(raw(name))
    told = FAMILY.fields(message)
    assert message.device_id == told["device_id"] == means["device_id"]
    assert told["message"] == means["message"]
    kinds = {"LK": Kind.HEARTBEAT, "UD": Kind.REPORT, "UPLOAD": Kind.REPLY, "TS": Kind.REPLY}
    assert message.kind is kinds.get(means["message"], Kind.OTHER)
    assert FAMILY.recognise(raw(name)) is True
    assert told.get("index") == means.get("index")
    if "args" in means:
        assert told["arguments"] == means["args"]
    if "interval_s" in means:
        assert told["status"]["upload"] == f"{means['interval_s']}S"


@pytest.mark.parametrize("name", SERVER)
def test_server_frames(name: str) -> None:
    (event,) = FAMILY.server(raw(name))
    assert isinstance(event, Message)
    told = FAMILY.fields(event)
    assert ",".join((told["message"], *told["arguments"])) == CASES[name]["means"]["text"]
    assert told["length_right"] is True


@pytest.mark.parametrize(
    ("frame", "owed"),
    [
        (raw("watch-lk"), CASES["watch-lk"]["means"]["server_owes"]),
        (raw("watch-lk-3g"), CASES["watch-lk-3g"]["means"]["server_owes"]),
        (raw("watch-tkq"), "[3G*8800000015*0003*TKQ]"),
        (b"[CS*8800000015*0004*INIT]", "[CS*8800000015*0006*INIT,1]"),
        (b"[ZJ*8800000015*0001*0002*LK]", "[ZJ*8800000015*0001*0002*LK]"),
        (raw("watch-ud").replace(b"*UD,", b"*AL_LTE,"), "[SG*9059056143*0002*AL]"),
        (raw("watch-ud"), ""),
        (raw("watch-upload-reply"), ""),
    ],
)
def test_what_is_owed(frame: bytes, owed: str) -> None:
    (message,) = heard(frame)
    assert message.owed.decode() == owed


def test_a_position() -> None:
    told = FAMILY.fields(heard(raw("watch-ud"))[0])
    assert (told["latitude"], told["longitude"]) == (41.465, -81.53128)
    assert (told["battery"], told["time"], told["length_right"]) == ("70", "223408", False)


def test_garbage_and_cut_frames_cost_themselves_only() -> None:
    events = FAMILY.stream().feed(b"GET /" + raw("watch-ud")[:40] + raw("watch-lk") + b"\r\n" + raw("watch-tkq"))
    assert isinstance(events[0], PeerError)
    assert [event.frame for event in events if isinstance(event, Message)] == [raw("watch-lk"), raw("watch-tkq")]
    escaped = b"[3G*8800000015*0009*TK,\x7d\x02\x7d\x03\x7d\x05]"
    assert [each.frame for each in heard(escaped + raw("watch-lk"))] == [escaped, raw("watch-lk")]


def test_the_password_of_a_status_text_is_not_shown() -> None:
    (message,) = heard(raw("watch-ts-reply"))
    assert "pw:******;" in message.text
    assert b"123456;" not in message.frame
    assert "123456;" not in message.text
    assert FAMILY.fields(message)["status"]["pw"] == "******"
    (message,) = heard(said("TS,ver:x;PW:hunter2;upload:30S;"))
    assert b"hunter2" not in message.frame


# -- conversations --
def test_the_vendor_s_commands_and_answers() -> None:
    status = said(f"TS,{CASES['watch-ts-text']['data']}")
    payloads, outcome = spoken(raw("watch-upload-reply"), status)
    assert payloads == [raw("watch-cmd-upload-vendor"), b"[3G*8800000015*0002*TS]"]
    assert outcome.fields["tracking_interval"].state.value == "confirmed"


def test_the_same_command_as_a_public_server_but_for_the_case_of_its_length() -> None:
    command = FAMILY.raw(target(maker="SG"), "UPLOAD,600")
    assert command.payload == raw("watch-cmd-upload-built").replace(b"000a", b"000A")
    at = Target("123456789012345", variant="standard", options={"maker": "CS"})
    assert FAMILY.raw(at, "RESET").payload == raw("watch-cmd-reset")
    assert FAMILY.raw(target(index="0001"), "CR").payload == b"[3G*8800000015*0001*0002*CR]"


@pytest.mark.parametrize(
    ("upload", "status", "state"),
    [
        ("UPLOAD", "TS,ver:x;upload:600S;lk:300", "confirmed"),
        ("UPLOAD", "TS,ver:x;upload:30S;", "mismatched"),
        ("UPLOAD", "TS,ver:x;lk:600;", "acknowledged"),
        ("UPLOAD", "TS,ver:x;url:upload:600", "acknowledged"),
        ("UPLOAD", "", "acknowledged"),
        ("UPLOAD,0", "", "written"),
        ("CR", "", "written"),
        ("CR", "TS,upload:600;", "confirmed"),
    ],
)
def test_answers(upload: str, status: str, state: str) -> None:
    _, outcome = spoken(said(upload), said(status) if status else b"")
    assert outcome.fields["tracking_interval"].state.value == state
    assert outcome.unanswered is (state == "written")


def test_our_own_bytes_are_no_answer() -> None:
    echoes = raw("watch-cmd-upload-vendor"), b"[3G*8800000015*0002*TS]"
    assert spoken(*echoes)[0] == list(echoes)
    assert spoken(*echoes)[1].fields["tracking_interval"].state.value == "written"
    _, outcome = spoken(echoes[0] + said("UPLOAD"), echoes[1] + said("TS,upload:600;"))
    assert outcome.fields["tracking_interval"].state.value == "confirmed"


def test_an_answer_of_another_watch_is_none() -> None:
    _, outcome = spoken(said("UPLOAD", "8800000016"), said("TS,upload:600;", "8800000016"))
    assert outcome.fields["tracking_interval"].state.value == "written"


@pytest.mark.parametrize(
    ("faults", "told", "state"),
    [
        (Faults(), True, "confirmed"),
        (Faults(), False, "acknowledged"),
        (Faults(clamp={"tracking_interval": (900, 9000)}), True, "mismatched"),
        (Faults(ignore=frozenset({"tracking_interval"})), True, "mismatched"),
        (Faults(refuse=frozenset({"tracking_interval"})), True, "mismatched"),
        (Faults(silent=True), True, "written"),
    ],
)
def test_faults(faults: Faults, told: bool, state: str) -> None:
    unit = FAMILY.emulator(ID, "standard", settings={"tracking_interval": 60}, faults=faults, options={"status": told})
    _, outcome = against_emulator(FAMILY.apply(target(), {"tracking_interval": 600}), unit, FAMILY.stream())
    found = outcome.fields["tracking_interval"]
    assert found.state.value == state
    assert found.reported in (None, unit.settings["tracking_interval"])


def test_flipped_bits_of_a_read_back_never_confirm() -> None:
    whole = said("TS,ver:G4C;upload:60;lk:300")
    for bit in range(8 * len(whole)):
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        _, outcome = spoken(said("UPLOAD"), bytes(broken))
        assert outcome.fields["tracking_interval"].state.value in ("acknowledged", "mismatched"), bytes(broken)


def test_reading() -> None:
    unit = FAMILY.emulator(ID, "standard", settings={"tracking_interval": 60})
    _, outcome = against_emulator(FAMILY.read(target(), ["tracking_interval"]), unit, FAMILY.stream())
    assert outcome.reported == {"tracking_interval": 60}
    assert against_nobody(FAMILY.read(target(), ["psm_mode"]))[0] == []


def test_what_does_not_fit_is_told() -> None:
    for seconds in (0, 9, 65536):
        (problem,) = FAMILY.check(target(), {"tracking_interval": seconds})
        assert problem.severity is Severity.REFUSE
    (other,) = FAMILY.check(target(), {"psm_mode": 1})
    assert other.severity is Severity.UNSUPPORTED
    for options in ({"maker": "3G*"}, {"maker": 3}, {"index": "1]["}):
        with pytest.raises(LocalError):
            against_nobody(FAMILY.apply(target(**options), {"tracking_interval": 60}))


@pytest.mark.parametrize("device_id", ["", "12345", "\u0663" * 15])
def test_an_id_that_no_frame_carries_is_refused(device_id: str) -> None:
    with pytest.raises(LocalError):
        FAMILY.raw(Target(device_id, variant="standard"), "CR")


def test_endless_digits_are_no_position() -> None:
    (message,) = heard(raw("watch-ud").replace(b"A,41.", b"A," + b"4" * 500 + b"."))
    assert "latitude" not in FAMILY.fields(message)


def test_raw_commands() -> None:
    command = FAMILY.raw(target(), "PW,111111")
    assert (command.text, command.secrets) == ("PW,***", (b"111111",))
    assert command.match(heard(said("PW"))[0]).value == "done"
    assert command.match(heard(said("CR"))[0]).value == "no"
    for text in ("", "UPLOAD,600][3G", "CR*", "CR}", "CR\r\n,1", b""):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), text)


def test_openings_of_others_are_not_claimed() -> None:
    for opening in (b"(087073005534BP00HSO)", b"[SSH-2.0", b"*HQ,2705171109", b"[3G*47001*0002*LK]", b"[begin]"):
        assert FAMILY.recognise(opening) is False
    for opening in (b"", b"[", b"[3G*4700", b"[3G*4700186508*00"):
        assert FAMILY.recognise(opening) is None
