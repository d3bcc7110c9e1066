"""H02: recorded frames, what is owed, S71 and D1 with their answers, CanTrack's texts, and the longer binary form."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from tracker_codecs.contract import Event, Faults, Kind, Message, Outcome, Severity, Strength, Target, Transport
from tracker_codecs.drive import against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.h02.family import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "h02" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
DEVICE = [name for name, case in CASES.items() if case["direction"] == "device_to_server" and case.get("layer") is None]
ID = "2020916012"
NOW = datetime(2013, 6, 14, 21, 33, 25, tzinfo=UTC)
#: 01:02:03 as seconds of a day: the hhmmss of the documented commands.
SERIAL = 3723
PLACE = "050316,A,2212.8745,N,11346.6574,E,14.28,028,220902,FFFFFBFF#"


def raw(name: str) -> bytes:
    case = CASES[name]
    return bytes.fromhex(case["data"]) if case["encoding"] == "hex" else str(case["data"]).encode("ascii")


def fed(data: bytes, split: int = 0) -> list[Event]:
    stream = FAMILY.stream(clock=lambda: NOW)
    pieces = [data[at : at + split] for at in range(0, len(data), split)] if split else [data]
    return [event for piece in pieces for event in stream.feed(piece)]


def heard(data: bytes) -> list[Message]:
    return [event for event in fed(data) if isinstance(event, Message)]


def target(device_id: str = ID, variant: str = "st901", **fields: Any) -> Target:
    return Target(device_id, variant=variant, **{"serial": SERIAL, "experimental": True, **fields})


def spoken(at: Target, *answers: bytes, seconds: int = 10) -> tuple[list[bytes], Outcome]:
    """The commands and the outcome of setting the interval, with these answers in order; then silence."""
    dialogue = FAMILY.apply(at, {"tracking_interval": seconds})
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


def state(outcome: Outcome) -> str:
    return outcome.fields["tracking_interval"].state.value


# -- frames --
@pytest.mark.parametrize("name", DEVICE)
def test_device_frames(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = heard(raw(name))
    told = FAMILY.fields(message)
    assert message.device_id == told["device_id"] == means["device_id"]
    assert told["message"] == means["message"].removesuffix("_CMD")
    kind = {"V4": Kind.REPLY, "SMS": Kind.REPLY, "LINK": Kind.HEARTBEAT, "HTBT": Kind.HEARTBEAT}
    assert message.kind is kind.get(told["message"], Kind.REPORT)
    assert FAMILY.recognise(raw(name)) is True
    renamed = {
        "args": "arguments",
        "upload_times": "upload_times_s",
        "position_valid": "fix",
        "command_time": "command_time",
    }
    for key in means.keys() - {"message", "device_id", "server_owes", "note", "latitude"}:
        assert told[renamed.get(key, key)] == means[key], key
    if "latitude" in means:
        assert told["latitude"] == pytest.approx(means["latitude"], abs=1e-5)


@pytest.mark.parametrize(
    ("name", "owed"),
    [
        ("h02-v1", b"*HQ,2705171109,V4,V1,20130614213325#"),
        ("h02-nbr", b"*HQ,4109179024,V4,NBR,20130614213325#"),
        ("h02-htbt", b"*HQ,135790246811220,HTBT#"),
        ("h02-v4-s17", b""),
        ("h02-link", b""),
        ("h02-bin", b""),
    ],
)
def test_what_is_owed(name: str, owed: bytes) -> None:
    (message,) = heard(raw(name))
    assert message.owed == owed
    assert b"2013" not in FAMILY.normalise(owed)


def test_units_of_other_makers_are_answered_with_their_own_letters() -> None:
    (message,) = heard(raw("h02-v1").replace(b"*HQ", b"*TH"))
    assert message.owed == b"*TH,2705171109,V4,V1,20130614213325#"


@pytest.mark.parametrize("split", [0, 1, 13, 31, 32, 33])
def test_a_link_mixes_text_and_both_binary_forms(split: int) -> None:
    data = raw("h02-bin-long") * 2 + raw("h02-bin") * 2 + raw("h02-v1") + b"\r\n" + raw("h02-bin-long") + raw("h02-v1")
    events = fed(data, split)
    assert [event for event in events if isinstance(event, PeerError)] == []
    frames = [event.frame for event in events if isinstance(event, Message)]
    long, short, text = raw("h02-bin-long")[:32], raw("h02-bin"), raw("h02-v1")
    assert frames == [long, long, short, short, text, long, text]


def test_the_ten_digits_of_a_binary_frame_are_those_of_the_link() -> None:
    events = heard(b"*HQ,103073100112345,HTBT#" + raw("h02-bin"))
    assert [event.device_id for event in events] == ["103073100112345"] * 2
    assert heard(b"*HQ,135790246811220,HTBT#" + raw("h02-bin"))[1].device_id == "1030731001"


def test_a_cut_frame_costs_itself_only() -> None:
    assert [each.frame for each in heard(raw("h02-v1")[:40] + raw("h02-htbt"))] == [raw("h02-htbt")]
    assert [each.frame for each in heard(b"*HQ,$X**" + raw("h02-bin"))] == [raw("h02-bin")]
    bad_hour = raw("h02-bin")[:6] + b"\x25" + raw("h02-bin")[7:]
    assert heard(bad_hour + raw("h02-htbt"))[0].kind is Kind.HEARTBEAT


@pytest.mark.parametrize("split", [0, 1, 7])
@pytest.mark.parametrize("between", [b" ", b"  ", b"\r\n", b" \r\n", b"\r\n "])
def test_blanks_and_line_ends_between_frames_are_no_error(between: bytes, split: int) -> None:
    """Reported by users of a public server; the frames are recorded ones, the blanks were put between them."""
    short, text = raw("h02-bin"), raw("h02-v1")
    for frames in ([text, text, raw("h02-htbt")], [short, text, text]):
        events = fed(between.join(frames) + between, split)
        assert [event.frame for event in events if isinstance(event, Message)] == frames
        assert [event for event in events if isinstance(event, PeerError)] == []


def test_blanks_do_not_make_more_of_garbage() -> None:
    events = fed(b"a b c " + raw("h02-htbt") + b"? ? ?")
    assert [type(event) for event in events] == [PeerError, Message, PeerError]


@pytest.mark.parametrize("split", [0, 1, 46])
def test_the_last_two_of_47_bytes_are_no_error(split: int) -> None:
    """Some units add two bytes to the longer form (reported by users of a public server); zeros stand for them here."""
    long, text = raw("h02-bin-long"), raw("h02-v1")
    assert len(long) == 45
    events = fed((long + bytes(2)) * 2 + text + long + text, split)
    assert [event for event in events if isinstance(event, PeerError)] == []
    frames = [event.frame for event in events if isinstance(event, Message)]
    assert frames == [long[:32], long[:32], text, long[:32], text]
    assert [type(event) for event in fed(long + bytes(3))] == [Message, PeerError]


#: A recorded frame of 42 bytes, from traccar/traccar's H02ProtocolDecoderTest.
LONG = bytes.fromhex("2435248308419329301047591808172627335900074412294e024138feffffffff01120064ba73005ecc")


@pytest.mark.parametrize("split", [0, 1, 12, 15, 41])
def test_binary_frames_with_fifteen_digits(split: int) -> None:
    data = LONG * 2 + b"\r\n" + LONG + raw("h02-v1") + raw("h02-bin") + LONG
    events = fed(data, split)
    assert [event for event in events if isinstance(event, PeerError)] == []
    frames = [event.frame for event in events if isinstance(event, Message)]
    assert frames == [LONG, LONG, LONG, raw("h02-v1"), raw("h02-bin"), LONG]
    (message,) = heard(LONG)
    assert (message.kind, message.device_id, message.owed) == (Kind.REPORT, "352483084193293", b"")
    told = FAMILY.fields(message)
    assert (told["message"], told["content_hex"]) == ("binary_long", LONG[9:].hex())
    assert [FAMILY.recognise(LONG[:size]) for size in (1, 12, 14, 41, 42)] == [None] * 4 + [True]
    renamed = FAMILY.rename(LONG, "352483084193293", "865205030330012")
    assert heard(renamed)[0].device_id == "865205030330012"
    assert FAMILY.rename(renamed, "865205030330012", "352483084193293") == LONG


def test_vi1_is_a_report() -> None:
    """A recorded frame, from traccar/traccar's H02ProtocolDecoderTest."""
    data = b"*HQ,353505221264507,VI1,075146,0,5238.25900,N,00507.33429,E,0.54,0,250917,FFFFFFFF,cc,28,  db,d75b#"
    (message,) = heard(data)
    assert (message.kind, message.owed, FAMILY.fields(message)["message"]) == (Kind.REPORT, b"", "VI1")
    assert message.device_id == "353505221264507"


# -- commands --
def test_the_documented_commands() -> None:
    at = target("123456789012345")
    assert spoken(at)[0] == [raw("h02-cmd-s71")]
    assert FAMILY.raw(at, "S71,22,10").payload == raw("h02-cmd-s71")
    d1 = target("4210051415", options={"interval_command": "D1"})
    assert spoken(d1, seconds=60)[0] == [raw("h02-cmd-d1-built")]
    for name in ("h02-cmd-s71", "h02-cmd-d1-built"):
        (event,) = FAMILY.server(raw(name))
        assert isinstance(event, Message)
        means = CASES[name]["means"]
        told = FAMILY.fields(event)
        assert (told["message"], told["arguments"]) == (means["command"], [means["time"], *means["args"]])


def test_another_maker_and_a_wrong_one() -> None:
    assert spoken(target(options={"maker": "TH"}))[0] == [b"*TH,2020916012,S71,010203,22,10#"]
    for options in ({"maker": "H,"}, {"maker": "HQX"}, {"interval_command": "S23"}):
        with pytest.raises(LocalError):
            spoken(target(options=options))


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("S71,22,10,010203", "acknowledged"),  # as S14 was recorded, with its arguments
        ("S71,010203", "acknowledged"),  # as S17 was, without
        ("S71,DONE,010203", "acknowledged"),
        ("S71,ERROR,010203", "rejected"),  # as S20 was
        ("S71,22,30,010203", "mismatched"),
        ("S71,22,30,OK,010203", "mismatched"),
        ("S71,22,10,OK,010203", "acknowledged"),
        ("S71,22,010,010203", "acknowledged"),
        ("S71,ERROR,22,10,010203", "rejected"),
        ("S71,21,10,010203", "rejected"),
        ("S71,22,10,010204", "written"),  # another command's time
        ("D1,10,010203", "written"),
        ("S71,22,10", "written"),
    ],
)
def test_answers(told: str, found: str) -> None:
    _, outcome = spoken(target(), f"*TH,{ID},V4,{told},{PLACE}".encode())
    assert state(outcome) == found
    assert outcome.unanswered is (found == "written")
    if found == "mismatched":
        assert outcome.fields["tracking_interval"].reported == 30


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("D1,30,65535,010203", "acknowledged"),
        ("D1,30,010203", "acknowledged"),
        ("D1,60,65535,010203", "mismatched"),
        ("D1,30,65535,010204", "written"),
        ("D1,30,ERROR,010203", "rejected"),
    ],
)
def test_the_vendors_answer_to_d1_has_two_arguments(told: str, found: str) -> None:
    """The vendor's example is `V4,D1,30,65535,<hhmmss>,...`, the answer to 30 seconds: its first number counts."""
    at = target(options={"interval_command": "D1"})
    _, outcome = spoken(at, f"*HQ,{ID},V4,{told},{PLACE}".encode(), seconds=30)
    assert state(outcome) == found
    assert outcome.fields["tracking_interval"].reported == (60 if found == "mismatched" else None)


@pytest.mark.parametrize(
    "answer", ["V4,S71,010204,010203,A,2212.8745,N,11346.6574,E,14.28,028,220902", f"V4,S71,010204,{PLACE[:-1]}"]
)
def test_an_answer_to_an_older_command_is_none_whatever_its_position_tells(answer: str) -> None:
    """The digits of the new command, 01:02:03, stand where the position's time or its date (01.02.03) is."""
    for text in (answer, answer.replace("220902", "010203")):
        _, outcome = spoken(target(), f"*HQ,{ID},{text}#".encode())
        assert (state(outcome), outcome.reported) == ("written", {})
    assert state(spoken(target(), f"*HQ,{ID},V4,S71,010203#".encode())[1]) == "acknowledged"


@pytest.mark.parametrize("device_id", ["", "12345", "\u0663" * 15, "1357902468112201"])
def test_an_id_that_no_frame_carries_is_refused(device_id: str) -> None:
    with pytest.raises(LocalError):
        spoken(target(device_id))


def test_endless_digits_are_no_position() -> None:
    for digits in ("2" * 400, "22." + "1" * 400):
        (message,) = heard(f"*HQ,{ID},V1,050316,A,{digits},N,11346.6574,E,{digits},028,220902,FFFFFBFF#".encode())
        assert "latitude" not in FAMILY.fields(message)


def test_a_datagram_ends_with_its_frame() -> None:
    stream = FAMILY.stream(Transport.UDP)
    assert [type(each) for each in stream.feed(raw("h02-bin")[:20])] == [PeerError]
    for _ in range(2):  # neither what was cut off nor the tail of the longer form reaches into the next one
        (event,) = stream.feed(raw("h02-bin"))
        assert isinstance(event, Message)
        assert event.frame == raw("h02-bin")
    assert [type(each) for each in stream.feed(b"?" + raw("h02-htbt"))] == [PeerError, Message]


def test_an_answer_of_another_unit_is_none() -> None:
    _, outcome = spoken(target(), f"*HQ,2020916013,V4,S71,22,10,010203,{PLACE}".encode())
    assert state(outcome) == "written"


@pytest.mark.parametrize(
    ("name", "verdict"), [("h02-v4-s17", "done"), ("h02-v4-s14", "done"), ("h02-v4-s20-error", "refused")]
)
def test_recorded_answers_fit_their_commands(name: str, verdict: str) -> None:
    word = CASES[name]["means"]["command"]
    command = FAMILY.raw(target(serial=13 * 3600 + 3 * 60 + 5), word)
    assert command.payload == f"*HQ,{ID},{word},130305#".encode()
    assert command.match(heard(raw(name))[0]).value == verdict
    assert FAMILY.raw(target(), word).match(heard(raw(name))[0]).value == "no"


def test_what_no_session_command_is_public_for_is_told() -> None:
    asked = {"tracking_interval": 60, "psm_interval": 60, "psm_mode": 0}
    problems = {each.field: each for each in FAMILY.check(target(), asked)}
    assert {each.severity for each in problems.values()} == {Severity.UNSUPPORTED}
    assert problems.keys() == {"psm_interval", "psm_mode"}
    (zero,) = FAMILY.check(target(), {"tracking_interval": 0})
    assert zero.severity is Severity.REFUSE
    with pytest.raises(LocalError):
        FAMILY.apply(target(), {"tracking_interval": 0})


# -- CanTrack --
def check_says(on: int) -> bytes:
    frame = raw("h02-cantrack-check").replace(b"ACCOFF:5/", b"ACCOFF:%d/" % on)
    return frame.replace(b"135790246811220", ID.encode())


@pytest.mark.parametrize(
    ("freq", "after", "found"),
    [
        ("V4,CMD,freq,FREQ OK", check_says(20), "confirmed"),
        ("V4,CMD,,freq,FREQ OK", check_says(20), "confirmed"),
        ("V4,CMD,freq,FREQ OK", check_says(5), "mismatched"),
        ("V4,CMD,freq,FREQ OK", b"", "acknowledged"),
        ("V4,CMD,freq,not set", b"", "rejected"),
        ("V4,CMD,reset,RESET OK", b"", "written"),
    ],
)
def test_cantrack_texts(freq: str, after: bytes, found: str) -> None:
    payloads, outcome = spoken(target(variant="t80"), f"*HQ,{ID},{freq}#".encode(), after, seconds=20)
    assert payloads == [b"freq,123456,20", b"check123456"]
    assert state(outcome) == found


def test_cantrack_needs_the_switch_and_hides_the_password() -> None:
    cold = target(variant="t80", experimental=False)
    (problem,) = FAMILY.check(cold, {"tracking_interval": 20})
    assert (problem.severity, "experimental switch" in problem.reason) == (Severity.UNSUPPORTED, True)
    assert against_nobody(FAMILY.read(cold, ["tracking_interval"]))[0] == []
    at = target(variant="t80", options={"password": "hunter2"})
    exchanges, _ = against_nobody(FAMILY.apply(at, {"tracking_interval": 20}))
    for exchange in exchanges:
        assert exchange.command.secrets == (b"hunter2",)
        assert "hunter2" not in exchange.command.text
    assert FAMILY.raw(at, "apn,hunter2,internet").text == "apn,***,internet"
    for password in ("1,2#", None, True):
        with pytest.raises(LocalError):
            spoken(target(variant="t80", options={"password": password}))


def test_flipped_bits_of_a_read_back_never_confirm() -> None:
    """There is no checksum: only the digit that was asked for may confirm, and only where it is told."""
    whole = check_says(5)
    for bit in range(8 * len(whole)):
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        _, outcome = spoken(target(variant="t80"), f"*HQ,{ID},V4,CMD,freq,FREQ OK#".encode(), bytes(broken), seconds=20)
        assert state(outcome) in ("acknowledged", "mismatched"), bytes(broken)


# -- whole conversations --
@pytest.mark.parametrize(
    ("variant", "faults", "found"),
    [
        ("st901", Faults(), "acknowledged"),
        ("st901", Faults(clamp={"tracking_interval": (60, 900)}), "mismatched"),
        ("st901", Faults(refuse=frozenset({"tracking_interval"})), "rejected"),
        ("st901", Faults(ignore=frozenset({"tracking_interval"})), "acknowledged"),
        ("st901", Faults(silent=True), "written"),
        ("t80", Faults(), "confirmed"),
        ("t80", Faults(clamp={"tracking_interval": (60, 900)}), "mismatched"),
        ("t80", Faults(refuse=frozenset({"tracking_interval"})), "rejected"),
        ("t80", Faults(ignore=frozenset({"tracking_interval"})), "mismatched"),
        ("t80", Faults(silent=True), "written"),
    ],
)
def test_faults(variant: str, faults: Faults, found: str) -> None:
    unit = FAMILY.emulator(ID, variant, settings={"tracking_interval": 40}, faults=faults)
    _, outcome = against_emulator(
        FAMILY.apply(target(variant=variant), {"tracking_interval": 30}), unit, FAMILY.stream()
    )
    # A refused value is told with what the unit keeps where it can be read.
    assert state(outcome) == found
    assert outcome.fields["tracking_interval"].reported in (None, unit.settings["tracking_interval"])
    assert (outcome.fields["tracking_interval"].strength == Strength.READ_BACK) is (
        found in ("confirmed", "mismatched")
    )


def test_raw_commands() -> None:
    for text in ("", "s71,22,10", "S71,22#", "S71,*", "S71, 22", "S71\n,22", b""):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), text)
    command = FAMILY.raw(target(variant="t80"), "MD123456 3 3 120")
    assert (command.payload, command.text, command.secrets) == (b"MD123456 3 3 120", "MD*** 3 3 120", (b"123456",))
    assert FAMILY.raw(target(), b"\x01").payload == b"\x01"


def test_openings_of_others_are_not_claimed() -> None:
    for opening in (
        b"*SCOR,OM,863725031194523,Q0#",
        b"*170821223045UB00HSO^",
        b"*HQ,12345,V1#",
        b"$GPRS12345678",
        b"XZ",
    ):
        assert FAMILY.recognise(opening) is False
    for opening in (b"", b"*", b"*HQ,27051", b"*HQ,2705171109,", b"$", raw("h02-bin")[:20]):
        assert FAMILY.recognise(opening) is None
