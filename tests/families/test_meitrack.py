"""Meitrack: printed and recorded frames, what is owed, traps of the wire, exact commands, what counts as an answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tracker_codecs.contract import (
    Checksum,
    Faults,
    FieldState,
    Kind,
    Match,
    Message,
    Outcome,
    Severity,
    Strength,
    Target,
    Transport,
)
from tracker_codecs.drive import Exchange, against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.meitrack.emulator import MeitrackEmulator
from tracker_codecs.families.meitrack.family import FAMILY

FIXTURE = yaml.safe_load(
    (Path(__file__).parents[2] / "firmware-fixtures" / "meitrack" / "frames.yaml").read_text(encoding="utf-8")
)
CASES = {case["id"]: case for case in FIXTURE["cases"]}
FROM_DEVICE = [name for name, case in CASES.items() if case["direction"] == "device_to_server"]
FROM_SERVER = [name for name, case in CASES.items() if case["direction"] == "server_to_device"]
IMEI = "353358017784062"
VEHICLE = {
    "tracking_interval": 60,
    "tracking_distance": 300,
    "tracking_angle": 120,
    "psm_interval": 600,
    "on_stop_tracking_interval": 60,
    "psm_mode": 2,
}
TT1 = {
    "type": "interval",
    "psm_mode": 1,
    "tracking_interval": 60,
    "tracking_distance": 300,
    "tracking_angle": 30,
    "psm_interval": 600,
    "bat_voltage": "1.5",
    "bat_psm_interval": 600,
}


def raw(case: str) -> bytes:
    found = CASES[case]
    return bytes.fromhex(found["data"]) if found["encoding"] == "hex" else str(found["data"]).encode("ascii")


def framed(mark: str, flag: str, content: str, device_id: str = IMEI) -> bytes:
    """A frame by the layout of the vendor's document."""
    rest = f",{device_id},{content}*"
    body = f"{mark}{flag}{len(rest) + 4}{rest}"
    return f"{body}{sum(body.encode()) % 256:02X}\r\n".encode()


def one(data: bytes, transport: Transport = Transport.TCP) -> Message:
    (event,) = FAMILY.stream(transport).feed(data)
    assert isinstance(event, Message)
    return event


def target(variant: str = "meitrack_vehicle", **fields: Any) -> Target:
    return Target(IMEI, variant=variant, **{"serial": 32, "experimental": True, **fields})


def applied(
    asked: dict[str, Any], variant: str = "meitrack_vehicle", **emulator: Any
) -> tuple[list[Exchange], Outcome, MeitrackEmulator]:
    unit = FAMILY.emulator(IMEI, variant, **emulator)
    assert isinstance(unit, MeitrackEmulator)
    exchanges, outcome = against_emulator(FAMILY.apply(target(variant), asked), unit, FAMILY.stream())
    return exchanges, outcome, unit


def texts(exchanges: list[Exchange]) -> list[str]:
    return [exchange.command.text for exchange in exchanges]


def states(outcome: Outcome) -> dict[str, str]:
    return {name: found.state.value for name, found in outcome.fields.items()}


# -- frames ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("case", FROM_DEVICE)
def test_device_frame(case: str) -> None:
    means = CASES[case]["means"]
    message = one(raw(case), Transport.UDP)  # one of them lacks its line end
    found = FAMILY.fields(message)
    assert {key: found.get(key) for key in means} == means
    assert message.device_id == means["device_id"]
    assert message.checksum is (Checksum.OK if CASES[case]["checksum_verified"] else Checksum.BAD)
    kinds = {"data": Kind.REPORT, "heartbeat": Kind.HEARTBEAT, "AAC": Kind.OTHER}
    assert message.kind is kinds.get(means["type"], Kind.REPLY)
    assert FAMILY.recognise(raw(case)) is True


@pytest.mark.parametrize("case", FROM_SERVER)
def test_server_frame(case: str) -> None:
    means = CASES[case]["means"]
    (message,) = FAMILY.server(raw(case))
    assert isinstance(message, Message)
    assert message.checksum is Checksum.OK
    found = FAMILY.fields(message)
    assert {key: found.get(key) for key in means} == means


@pytest.mark.parametrize("case", [name for name in FROM_DEVICE if CASES[name]["checksum_verified"]])
def test_a_flipped_bit_is_never_a_good_frame(case: str) -> None:
    data = raw(case)
    for bit in range(8 * len(data)):
        broken = bytearray(data)
        broken[bit // 8] ^= 1 << bit % 8
        for event in FAMILY.stream(Transport.UDP).feed(bytes(broken)):
            digits = bit // 8 >= len(data) - 4  # case of the sum's digits, and the line end, are not summed
            assert not isinstance(event, Message) or event.checksum is Checksum.BAD or digits


def test_what_is_owed() -> None:
    """CCC wants its number of records, AAC a one; all else nothing. The identifier is the device's."""
    assert one(raw("meitrack-binary-ccc")).owed == framed("@@", "X", "CCC,1", "369800014090021")
    assert one(raw("meitrack-login-like-aac")).owed == framed("@@", "z", "AAC,1", "861451040910625")
    for case in ("meitrack-binary-cce-1", "meitrack-recorded-data-t366", "meitrack-heartbeat-event31"):
        assert one(raw(case)).owed == b""
    record = raw("meitrack-binary-ccc")[34:-5]
    assert len(record) == 52
    head = raw("meitrack-binary-ccc")[26:34]
    body = b",369800014090021,CCC," + head + record * 20 + b"*"
    many = b"$$b%d" % (len(body) + 4) + body
    message = one(many + b"%02x\r\n" % (sum(many) % 256))
    assert message.owed == framed("@@", "b", "CCC,20", "369800014090021")
    assert message.owed.startswith(b"@@b28,")  # the length is that of the answer, not 27 + 20 / 10
    assert FAMILY.fields(message)["records"] == 20


# -- traps of the wire -----------------------------------------------------------------------------------------------
def test_a_length_that_is_too_large_or_a_missing_line_end_costs_no_frame() -> None:
    short, good = raw("meitrack-recorded-answer-d82"), raw("meitrack-ack-a12")
    for data in (short + b"\r\n" + good, short + good):
        for split in (1, 3, len(data)):
            stream = FAMILY.stream()
            pieces = [data[at : at + split] for at in range(0, len(data), split)]
            events = [event for piece in pieces for event in stream.feed(piece)]
            assert [event.text for event in events if isinstance(event, Message)] == ["D82,0", "A12,OK"]
            assert stream.buffered == 0


def test_line_ends_and_marks_inside_binary_records_do_not_cut_them() -> None:
    content = b",369800014090021,CCC,\x02\x01\x34\x00\x01\x00\x00\x00" + b"*AB\r\n$$V28,".ljust(52, b"\r") + b"*"
    body = b"$$c%d" % (len(content) + 4) + content
    events = FAMILY.stream().feed(body + b"%02X\r\n" % (sum(body) % 256) + raw("meitrack-ack-a12"))
    assert [event.kind for event in events if isinstance(event, Message)] == [Kind.REPORT, Kind.REPLY]


def test_an_id_of_fourteen_digits_is_one() -> None:
    assert one(framed("$$", "A", "A12,OK", "35335801778406")).device_id == "35335801778406"


def test_lengths_that_no_frame_has_are_refused_at_the_header() -> None:
    for length in (b"00", b"21", b"9999"):
        stream = FAMILY.stream()
        (fault, message) = stream.feed(b"$$A" + length + b",353358017784062,A12,OK*" + raw("meitrack-ack-a12"))
        assert isinstance(fault, PeerError)
        assert isinstance(message, Message)


def test_the_meiligao_frame_is_not_taken_for_ours() -> None:
    assert FAMILY.recognise(b"$$\x00\x11\x13\x61") is False
    assert FAMILY.recognise(b"$$A2") is None
    assert FAMILY.recognise(b"$$A28,353358017784062,") is True


def test_redaction_keeps_the_sum_right() -> None:
    for case in ("meitrack-ack-a12", "meitrack-binary-cce-1", "meitrack-set-interval-a12"):
        old = CASES[case]["means"]["device_id"]
        (read,) = FAMILY.server(raw(case)) if raw(case)[:1] == b"@" else FAMILY.stream().feed(raw(case))
        assert isinstance(read, Message)
        changed = FAMILY.rename(read.frame, old, "135790246811220")
        assert old.encode() not in changed
        again = FAMILY.server(changed) if changed[:1] == b"@" else FAMILY.stream().feed(changed)
        assert [event.checksum for event in again if isinstance(event, Message)] == [Checksum.OK]
        assert FAMILY.rename(changed, "135790246811220", old) == raw(case)


# -- what is sent ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("case", "asked"),
    [
        ("meitrack-set-interval-a12", {"tracking_interval": 60}),
        ("meitrack-set-angle-a13", {"tracking_angle": 120}),
        ("meitrack-set-heartbeat-a11", {"psm_interval": 600}),
        ("meitrack-set-parking-interval-a15", {"on_stop_tracking_interval": 60}),
        ("meitrack-set-sleep-a73", {"psm_mode": 2}),
    ],
)
def test_the_printed_command_is_sent(case: str, asked: dict[str, Any]) -> None:
    """The same bytes as printed, once the command number leads to the printed identifier."""
    sent = {against_nobody(FAMILY.apply(target(serial=serial), asked))[0][0].command.payload for serial in range(1, 32)}
    assert raw(case) in sent
    assert len(sent) == 31


def test_order_and_texts() -> None:
    exchanges, outcome, unit = applied(VEHICLE)
    assert texts(exchanges) == ["A12,6", "A14,300", "A13,120", "A11,10", "A15,6", "A16,1", "A73,2"]
    assert exchanges[0].command.payload == framed("@@", "B", "A12,6")
    assert set(states(outcome).values()) == {"acknowledged"}
    assert {found.strength for found in outcome.fields.values()} == {Strength.ACKNOWLEDGED}
    assert unit.settings == VEHICLE
    assert outcome.reported == {}
    dry, _ = against_nobody(FAMILY.apply(target(), VEHICLE))
    assert [each.command.payload for each in dry] == [each.command.payload for each in exchanges]


@pytest.mark.parametrize("kind", ["interval", "distance"])
def test_the_type_switches_the_other_off(kind: str) -> None:
    asked = TT1 | {"type": kind}
    exchanges, outcome, unit = applied(asked, "tt1")
    pair = ["A12,6", "A14,0"] if kind == "interval" else ["A12,0", "A14,300"]
    assert texts(exchanges) == [*pair, "A13,30", "A11,10", "A73,1"]
    off = "tracking_distance" if kind == "interval" else "tracking_interval"
    told = {name for name, state in states(outcome).items() if state == "unsupported"}
    assert told == {off, "bat_voltage", "bat_psm_interval"}
    assert unit.settings["type"] == kind


@pytest.mark.parametrize(
    ("variant", "asked", "severity"),
    [
        ("meitrack", {"tracking_interval": 65}, Severity.REFUSE),
        ("meitrack", {"tracking_interval": 655360}, Severity.REFUSE),
        ("meitrack", {"psm_interval": 90}, Severity.REFUSE),
        ("meitrack", {"tracking_angle": 360}, Severity.REFUSE),
        ("meitrack", {"tracking_distance": -1}, Severity.REFUSE),
        ("meitrack_vehicle", {"on_stop_tracking_interval": 0}, Severity.REFUSE),
        ("meitrack", {"on_stop_tracking_interval": 60}, Severity.UNSUPPORTED),
        ("meitrack_without_ps", {"psm_mode": 1}, Severity.UNSUPPORTED),
        ("tt1", {"psm_mode": 2}, Severity.REFUSE),
        ("tt1", {"type": "interval", "tracking_interval": 0}, Severity.REFUSE),
        ("m7", {"wakeup_timer1": "10:00"}, Severity.UNSUPPORTED),
    ],
)
def test_what_does_not_fit_is_told_before(variant: str, asked: dict[str, Any], severity: Severity) -> None:
    problems = {problem.field: problem for problem in FAMILY.check(target(variant), asked)}
    name = next(iter(asked))
    assert problems[name].severity is severity
    if severity is Severity.REFUSE:
        with pytest.raises(LocalError):
            FAMILY.apply(target(variant), asked)


def test_the_oem_units_need_the_experimental_switch() -> None:
    told = {problem.field for problem in FAMILY.check(target("tt1", experimental=False), TT1)}
    assert told == set(TT1)


# -- what counts -----------------------------------------------------------------------------------------------------
def test_recorded_answers_match_their_commands() -> None:
    """The printed pairs have the same identifier and code; the ack with the misprinted sum does not count."""
    at = target(serial=ord("V") - 0x41)  # A12 is first in order: identifier V
    (exchange,) = against_nobody(FAMILY.apply(at, {"tracking_interval": 60}))[0]
    command = exchange.command
    assert command.payload == raw("meitrack-set-interval-a12")
    assert command.match(one(raw("meitrack-ack-a12"))) is Match.DONE
    for other in ("meitrack-ack-a13", "meitrack-ack-a19-vendor-bad-checksum", "meitrack-data-angle"):
        assert command.match(one(raw(other))) is Match.NO
    assert command.match(one(framed("$$", "V", "A12,OK", "863070010825791"))) is Match.NO
    assert command.match(one(framed("$$", "W", "A12,OK"))) is Match.NO
    assert command.match(one(framed("$$", "V", "A12,Error"))) is Match.REFUSED
    assert command.match(one(framed("$$", "V", "A12,ok"))) is Match.DONE


def test_no_flipped_bit_of_an_answer_counts() -> None:
    at = target(serial=ord("V") - 0x41)
    command = next(FAMILY.apply(at, {"tracking_interval": 60}))
    data = raw("meitrack-ack-a12")
    for bit in range(8 * (len(data) - 4)):
        broken = bytearray(data)
        broken[bit // 8] ^= 1 << bit % 8
        heard = [event for event in FAMILY.stream(Transport.UDP).feed(bytes(broken)) if isinstance(event, Message)]
        assert not collect(command, heard).ok


def test_a_late_answer_to_an_older_revision_matches_nothing() -> None:
    for revision in range(1, 31):
        old = against_nobody(FAMILY.apply(target(serial=0), VEHICLE))[0]
        new = against_nobody(FAMILY.apply(target(serial=32 * revision), VEHICLE))[0]
        for exchange in old:
            answer = one(framed("$$", chr(exchange.command.payload[2]), f"{exchange.command.text[:3]},OK"))
            assert exchange.command.match(answer) is Match.DONE
            assert all(each.command.match(answer) is Match.NO for each in new)


def test_clamped_ignored_refused_silent() -> None:
    asked = {"tracking_interval": 60, "tracking_angle": 30}
    for fault in (Faults(clamp={"tracking_interval": (120, 900)}), Faults(ignore=frozenset({"tracking_interval"}))):
        _, outcome, unit = applied(asked, settings={"tracking_interval": 300}, faults=fault)
        assert unit.settings["tracking_interval"] != 60
        assert states(outcome)["tracking_interval"] == "acknowledged"  # never confirmed: nothing can be read back
    _, outcome, _ = applied(asked, faults=Faults(refuse=frozenset({"tracking_angle"})))
    assert (states(outcome), outcome.unanswered) == (
        {"tracking_interval": "acknowledged", "tracking_angle": "written"},
        True,
    )
    exchanges, outcome, _ = applied(asked, faults=Faults(silent=True))
    assert (len(exchanges), outcome.unanswered) == (1, True)
    assert states(outcome) == {"tracking_interval": "written", "tracking_angle": "unknown"}


def test_a_refusal_is_told_and_the_rest_goes_on() -> None:
    dialogue = FAMILY.apply(target(), VEHICLE)
    command, sent = next(dialogue), []
    while True:
        sent.append(command.text)
        word = "A15,Err" if command.text == "A15,6" else f"{command.text[:3]},OK"
        try:
            command = dialogue.send(collect(command, [one(framed("$$", chr(command.payload[2]), word))]))
        except StopIteration as stop:
            outcome = stop.value
            break
    assert "A16,1" not in sent
    assert outcome.fields["on_stop_tracking_interval"].state is FieldState.REJECTED
    assert "A15,Err" in outcome.fields["on_stop_tracking_interval"].reason
    assert states(outcome)["psm_mode"] == "acknowledged"


def test_reading_asks_nothing() -> None:
    exchanges, outcome = against_nobody(FAMILY.read(target(), ["tracking_interval"]))
    assert (exchanges, outcome.reported) == ([], {})


def test_own_commands() -> None:
    where = FAMILY.raw(target(serial=0), "A10")
    assert where.payload == framed("@@", "a", "A10")
    assert where.match(one(raw("meitrack-a10-answer"))) is Match.NO  # another identifier
    unit = FAMILY.emulator(IMEI, "meitrack")
    (answer,) = unit.receive(where.payload)
    assert where.match(one(answer.data)) is Match.DONE
    version = FAMILY.raw(target(serial=0), "E91")
    assert version.match(one(framed("$$", "a", "FWV1.00,12345678"))) is Match.DONE
    secret = FAMILY.raw(target(), "A21,1,example.org,5020,net,me,hush")
    assert (secret.secrets, "hush" in secret.text) == ((b"hush",), False)
    for text in ("", "A10*", "A12,6*FF\r\n@@A25", "a12", "A12,\u00e9"):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), text)


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        (",34,", ",,", "event"),
        ("22.543176", "", "latitude"),
        ("114.078448", "nan", "longitude"),
        ("100313093738", "101313093738", "time"),
        (",205,", ",x,", "course"),
    ],
)
def test_an_odd_field_of_a_report_costs_itself_only(old: str, new: str, name: str) -> None:
    content = (
        "AAA,34,22.543176,114.078448,100313093738,A,5,22,2,205,5,-14,0,60,0|0|10133|4110,0000,149|153|173|2707|914,"
    )
    whole = FAMILY.fields(one(framed("$$", "Q", content)))
    odd = FAMILY.fields(one(framed("$$", "Q", content.replace(old, new))))
    assert odd[name] is None
    meaning = {"event_meaning": whole["event_meaning"]}
    assert {**odd, **meaning, name: whole[name]} == whole
