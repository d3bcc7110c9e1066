"""Suntech: recorded and printed lines, the conversations, and the traps of values without names."""

from __future__ import annotations

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
    Strength,
    Target,
    Transport,
    Verdict,
)
from tracker_codecs.drive import Exchange, against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.suntech.family import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "suntech" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
DEVICE = [n for n, case in CASES.items() if case["direction"] == "device_to_server" and n != "uex"]
SERVER = [n for n, case in CASES.items() if case["direction"] == "server_to_device"]
ID = "100850000"
ASKED = {"tracking_interval": 60, "tracking_distance": 500}
ALL = {**ASKED, "tracking_angle": 30}
# A preset with the groups of the recorded one.
PRESET = f"ST300CMD;Res;{ID};315;Preset;NTW;0;a;b;c;d;6011;RPT;1800;80;80;3;1200;0;0;0;0;EVT;0;10;GSM;0;;"
AFTER = PRESET.replace("Preset", "PresetA").replace("RPT;1800;80;80;3;1200", "RPT;1800;60;80;3;500")
ECHO = f"ST300RPT;Res;{ID};315;1800;60;80;3;500;0;0;0;0"


def raw(name: str) -> bytes:
    return str(CASES[name]["data"]).encode("ascii")


def heard(*lines: str) -> list[Message]:
    events = FAMILY.stream().feed("".join(f"{line}\r" for line in lines).encode("latin-1"))
    return [event for event in events if isinstance(event, Message)]


def target(**more: Any) -> Target:
    return Target(**{"device_id": ID, "variant": "st300", **more})


def applied(asked: dict[str, Any] | None = None, **unit: Any) -> tuple[list[Exchange], Outcome, Any]:
    device = FAMILY.emulator(ID, "st300", **unit)
    return *against_emulator(FAMILY.apply(target(), asked or ALL), device, FAMILY.stream()), device


def spoken(
    *answers: list[str], asked: dict[str, Any] | None = None, at: Target | None = None
) -> tuple[list[str], Outcome]:
    """The commands and the outcome of a dialogue with these answers in order; then silence."""
    dialogue = FAMILY.apply(at or target(), asked or ASKED)
    command = next(dialogue)
    texts = []
    try:
        for lines in [*answers, *[[]] * 6]:
            texts.append(command.text)
            command = dialogue.send(collect(command, heard(*lines)))
    except StopIteration as stop:
        outcome: Outcome = stop.value
        return texts, outcome
    raise AssertionError("the dialogue does not end")


def sent(exchanges: list[Exchange]) -> list[str]:
    return [exchange.command.text for exchange in exchanges]


def states(outcome: Outcome) -> dict[str, str]:
    return {name: found.state.value for name, found in outcome.fields.items()}


# -- lines --
@pytest.mark.parametrize("name", DEVICE)
def test_device_line(name: str) -> None:
    means = CASES[name]["means"]
    stream = FAMILY.stream()
    (event,) = stream.feed(raw(name))
    assert isinstance(event, Message)
    assert {**FAMILY.fields(event), **means} == FAMILY.fields(event)
    kinds = {"heartbeat": Kind.HEARTBEAT, "report": Kind.REPORT}
    assert event.kind is (Kind.OTHER if name == "universal-res" else kinds.get(means["message"], Kind.REPLY))
    assert event.checksum is Checksum.NONE
    assert event.device_id == means.get("device_id")
    assert event.owed == (b"SA200CMD;317652;02;AckEmerg\r" if name == "emergency-sa200" else b"")
    assert FAMILY.recognise(raw(name)) is (name not in ("error", "universal-res"))
    assert stream.buffered == 0


@pytest.mark.parametrize("name", SERVER)
def test_server_line(name: str) -> None:
    (event,) = FAMILY.server(raw(name))
    assert isinstance(event, Message)
    assert {**FAMILY.fields(event), **CASES[name]["means"]} == FAMILY.fields(event)


def test_data_of_a_serial_port_may_hold_line_ends() -> None:
    line, alive = b"ST300UEX;205029533;01;395;20151002;16:47:03;a\r\nb\r\n\r\nc;44;4.2;1\r", raw("alive")
    for split in (1, 3, 1000):
        stream = FAMILY.stream()
        data = line + alive
        events = [e for at in range(0, len(data), split) for e in stream.feed(data[at : at + split])]
        assert [event.frame for event in events if isinstance(event, Message)] == [line, alive]
    (event,) = FAMILY.stream(Transport.UDP).feed(line)
    assert isinstance(event, Message)
    stream = FAMILY.stream()
    assert stream.feed(raw("uex")) == []  # its end is known with the byte behind it
    (recorded, _) = stream.feed(alive)
    assert isinstance(recorded, Message)
    assert recorded.frame == raw("uex")
    means = CASES["uex"]["means"]
    assert {**FAMILY.fields(recorded), **means} == FAMILY.fields(recorded)


def test_an_emergency_of_st9xx_is_answered() -> None:
    (event,) = FAMILY.stream().feed(raw("st940-location").replace(b"Location;205576803", b"Emergency;123456789"))
    assert isinstance(event, Message)
    assert event.owed == raw("st940-cmd-ack")


def test_udp_reports_are_acknowledged_where_the_unit_asks_for_it() -> None:
    report, emergency = raw("stt-st300"), raw("emergency-sa200")

    def owed(option: object, *frames: bytes) -> list[bytes]:
        stream = FAMILY.stream(Transport.UDP)
        stream.bind(target(options={"udp_ack": option}))
        return [event.owed for frame in frames for event in stream.feed(frame) if isinstance(event, Message)]

    ack = b"ST300ACK;007238270\r"
    assert owed("auto", report, report, report) == [b"", ack, ack]
    assert owed(True, report, raw("alive")) == [ack, b""]
    assert owed("off", report, report) == [b"", b""]
    assert owed(None, emergency, emergency) == [b"SA200CMD;317652;02;AckEmerg\r", b"SA200ACK;317652\r"]


def test_zip_reports_are_passed_over() -> None:
    body = b"\x02\x00\x08\x01\x01\x00\x85\x00\x00\x0d\x02\x03"
    for split in (1, 50):
        stream = FAMILY.stream()
        data = body + raw("alive") + b"\x02\xff\xff\r" + raw("alive")
        events = [e for at in range(0, len(data), split) for e in stream.feed(data[at : at + split])]
        kinds = [event.kind if isinstance(event, Message) else "error" for event in events]
        assert kinds == [Kind.OTHER, Kind.HEARTBEAT, "error", Kind.HEARTBEAT]


def test_a_zip_report_names_its_unit() -> None:
    """Ids reported as not read (issue 8, B7): five bytes BCD behind the type."""
    (zipped,) = FAMILY.stream().feed(b"\x02\x00\x08\x01\x01\x00\x85\x00\x00\x0d\x02\x03")
    assert isinstance(zipped, Message)
    assert (zipped.device_id, FAMILY.fields(zipped)["device_id"]) == ("100850000", "100850000")
    whole = [b"\x02\x00\x08\x01\x01\x00\x85\x00\x00\x0d\x02\x03", b"ST300ALV;100850000\r"]
    for pieces in (whole, whole[::-1]):
        events = FAMILY.stream().feed(b"".join(pieces))
        assert [event.device_id for event in events if isinstance(event, Message)] == ["100850000"] * 2


#: By the grammar that public servers read; users of one report that these are not framed (issue 8, B6).
UNIVERSAL = (
    b";0100850000;3FFFFF;52;1.0.12;1;20210422;12:05:04;c99e48;732;101;1;20;+04.644623;-074.076922;10.39;202.77;20;1\r"
)


@pytest.mark.parametrize("word", ["STT", "ALT", "BLE", "UEX"])
def test_lines_of_universal_units_are_cut(word: str) -> None:
    line = word.encode() + UNIVERSAL
    for split in (1, 7, 5000):
        stream = FAMILY.stream()
        data = line + b"RES;0100850000;03;03\r" + line + b"\x81\0\x03\x0d\x02\x0d" + line + b"S"
        events = [e for at in range(0, len(data), split) for e in stream.feed(data[at : at + split])]
        messages = [event for event in events if isinstance(event, Message)]
        assert [message.kind for message in messages] == [*(Kind.REPORT, Kind.OTHER), *[Kind.REPORT] * 3]
        assert len(messages) == len(events)
    assert {(message.device_id, message.owed) for message in messages} == {("0100850000", b"")}
    told = FAMILY.fields(messages[0])
    assert (told["family"], told["report"], told["device_id"]) == ("universal", word, "0100850000")
    assert told["values"] == UNIVERSAL[:-1].decode().split(";")[2:]
    assert FAMILY.fields(messages[3])["content_hex"] == "8100030d020d"
    assert [FAMILY.recognise(line[:size]) for size in (1, 4, 14, 15, 60)] == [None, None, None, True, True]
    assert FAMILY.recognise(word.encode() + b";x") is False


@pytest.mark.parametrize("first", [0x81, 0x82])
def test_binary_reports_of_universal_units_are_cut(first: int) -> None:
    """Second byte 0, three bytes and the length (issue 8, B6); what they hold is not read."""
    report = bytes((first, 0, 255)) + bytes(range(255))
    (message,) = FAMILY.stream(Transport.UDP).feed(report)
    assert isinstance(message, Message)
    assert (message.kind, message.frame, message.device_id, message.owed) == (Kind.REPORT, report, None, b"")


def test_data_of_a_universal_unit_s_port_may_hold_lines() -> None:
    line = b"UEX;100850000;7;a\r\nb\r\n;x\r"
    (message, alive) = FAMILY.stream().feed(line + raw("alive"))
    assert isinstance(message, Message)
    assert isinstance(alive, Message)
    assert (message.frame, message.device_id) == (line, "100850000")


@pytest.mark.parametrize(
    "line",
    [
        b"ST300STT;\xff\r",
        b"hello\r",
        b"ST300RPT;Res;100850000;\xff\r",
        b"x" * 2060 + b"\r",
        b"ST300UEX;" + b"x\r\n" * 999,
    ],
)
def test_lines_that_are_none_cost_themselves_only(line: bytes) -> None:
    for split in (1, 7, 5000):
        stream = FAMILY.stream()
        data = line + b"\r" + raw("alive")
        events = [e for at in range(0, len(data), split) for e in stream.feed(data[at : at + split])]
        assert isinstance(events[0], PeerError)
        assert isinstance(events[-1], Message)
        assert events[-1].frame == raw("alive")
    (event,) = FAMILY.stream().feed(b"ST300STT;100850000;x\r")
    assert isinstance(event, Message)
    with pytest.raises(PeerError):
        FAMILY.fields(event)


def test_an_odd_number_of_a_report_costs_itself_only() -> None:
    line = (
        "ST300STT;205027329;03;374;20150108;17:54:42;177b38;-23.566052;-046.477588;000.000;000.00;0;0;0;12.11;000000;1"
    )
    (whole,), (odd,) = heard(line), heard(line.replace("000.00;0;", "0O0.00;0;").replace("-23.566052", ""))
    found = {"latitude": None, "course": None}
    assert FAMILY.fields(odd) == {**FAMILY.fields(whole), **found}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (
            "ST910;Location;907510186;552;20180504;23:15:45;3af54e5331;+19.301833;-099.190657;000.246;000.00;1;28462;80",
            {"software_version": "552", "cell": "3af54e5331", "latitude": 19.301833, "longitude": -99.190657},
        ),
        (
            "ST910;Alert;485195;20170409;22:37:41;3be0133057;+24.882410;-107.509152;000.070;000.00;1;286734;72;02;295",
            {"date_yyyymmdd": "20170409", "time": "22:37:41", "cell": "3be0133057", "latitude": 24.88241},
        ),
        (
            "ST910;Alert;123456;410;20141018;18:30:12;+37.478774;+126.889690;000.000;000.00;0;4.0;1;6002",
            {"software_version": "410", "latitude": 37.478774, "longitude": 126.88969, "course": 0.0},
        ),
    ],
)
def test_st9_reports_with_and_without_version_and_cell(line: str, found: dict[str, Any]) -> None:
    """Lines of the public decoder's test (traccar/traccar SuntechProtocolDecoderTest)."""
    (message,) = heard(line)
    told = FAMILY.fields(message)
    assert {name: told.get(name) for name in found} == found
    assert ("cell" in told, "software_version" in told) == ("cell" in found, "software_version" in found)


def test_a_report_of_another_layout_tells_no_place() -> None:
    """The layout of ST410 (line of the public decoder's test) is not known: its cells are no coordinates."""
    line = "ST410STT;007638094;426;01;24153;724;4;-65;365;0;24161;724;4;365;0;0;24162;724;4;365;0;0;24363;724;4;365;0"
    (message,) = heard(line)
    told = FAMILY.fields(message)
    assert told["values"] == line.split(";")[2:]
    assert "latitude" not in told


def test_names_and_passwords_in_answers_are_blanked() -> None:
    for name in ("preseta-answer-recorded", "st940-preset-answer"):
        (event,) = FAMILY.stream().feed(raw(name))
        assert isinstance(event, Message)
        for secret in (b"eseye", b"pass;", b"dip", b"183.109"):
            assert secret not in event.frame
    (event,) = heard(f"ST300NTW;Res;{ID};022;0;apn;user;hunter2;host;80;;;;;")
    assert b"hunter2" not in event.frame
    assert "hunter2" not in event.text
    assert [each.kind for each in heard(f"ST300CMD;{ID}")] == [Kind.OTHER]


# -- conversations --
def test_commands_are_the_printed_ones() -> None:
    at = target(known={"prefix": "ST300"})
    dialogue = FAMILY.apply(at, {"tracking_interval": 120})
    assert next(dialogue).payload == raw("query-preseta").replace(b"PresetA", b"Preset")
    for name in ("set-rpt", "set-rpt-car"):
        values = raw(name).decode("ascii").strip().split(";")[3:]
        old = PRESET.replace("RPT;1800;80;80;3;1200;0;0;0;0", "RPT;" + ";".join([values[0], "7", *values[2:]]))
        dialogue = FAMILY.apply(at, {"tracking_interval": 120})
        write = dialogue.send(collect(next(dialogue), heard(old)))
        assert (write.payload, write.depends_on_read, write.purpose) == (raw(name), True, Purpose.WRITE)
        assert [write.match(message) for message in heard(raw("ack-rpt").decode("ascii").strip())] == [Match.DONE]
    assert dialogue.send(collect(write, heard(raw("ack-rpt").decode("ascii").strip()))).payload == raw("query-preseta")


def test_a_change_keeps_the_other_values_and_is_read_back() -> None:
    texts, outcome = spoken([PRESET], [ECHO], [AFTER])
    assert texts == [
        f"ST300CMD;{ID};02;Preset",
        f"ST300RPT;{ID};02;1800;60;80;3;500;0;0;0;0",
        f"ST300CMD;{ID};02;PresetA",
    ]
    assert states(outcome) == dict.fromkeys(ASKED, "confirmed")
    assert {found.strength for found in outcome.fields.values()} == {Strength.READ_BACK}
    assert outcome.known == {"prefix": "ST300", "values": "9"}
    _, outcome = spoken([PRESET], [ECHO], [AFTER.replace("RPT;1800", "RPT;600")])
    assert outcome.known["not_preserved"] == "T1_parking_s"


def test_a_change_over_udp() -> None:
    unit = FAMILY.emulator(ID, "st300", transport=Transport.UDP)
    _, outcome = against_emulator(
        FAMILY.apply(target(transport=Transport.UDP), ALL), unit, FAMILY.stream(Transport.UDP)
    )
    assert states(outcome) == dict.fromkeys(ALL, "confirmed")


def test_an_angle_goes_only_to_a_unit_that_shows_one() -> None:
    exchanges, outcome, unit = applied()
    assert states(outcome) == dict.fromkeys(ALL, "confirmed")
    assert sent(exchanges)[1] == f"ST300RPT;{ID};02;1800;60;80;3;500;0;0;0;0;30;0"
    assert unit.stored[9] == "30"
    texts, outcome = spoken([PRESET], [ECHO], [AFTER], asked=ALL)
    assert texts[1] == f"ST300RPT;{ID};02;1800;60;80;3;500;0;0;0;0"
    assert states(outcome) == {**dict.fromkeys(ASKED, "confirmed"), "tracking_angle": "unsupported"}
    told = FAMILY.check(target(known={"values": "9"}), ALL)
    assert [(each.field, each.severity) for each in told] == [("tracking_angle", Severity.UNSUPPORTED)]
    texts, outcome = spoken([PRESET], asked={"tracking_angle": 30})
    assert (len(texts), states(outcome)) == (1, {"tracking_angle": "unsupported"})


@pytest.mark.parametrize(
    "group",
    # The preset example of the ST300 manual has ten values, one more in front than its set command.
    [
        "RPT;60;180;120;60;3;0;0;;;",
        "RPT;1800;80;80;3;1200;0;0;0",
        "RPT;1800;80;a;3;1200;0;0;0;0",
        "XXX;1",
        "RPT;1;RPT;1",
    ],
)
def test_a_group_of_another_form_is_not_written(group: str) -> None:
    preset = PRESET.replace("RPT;1800;80;80;3;1200;0;0;0;0", group)
    texts, outcome = spoken([preset])
    assert texts == [f"ST300CMD;{ID};02;Preset"]
    assert states(outcome) == dict.fromkeys(ASKED, "rejected")
    assert not outcome.unanswered
    exchanges, outcome = against_emulator(FAMILY.read(target(), list(ALL)), *_unit(values=10))
    assert (len(exchanges), outcome.reported) == (1, {})


def _unit(**options: Any) -> tuple[Any, Any]:
    return FAMILY.emulator(ID, "st300", options=options), FAMILY.stream()


def test_a_report_corrects_the_generation() -> None:
    report = raw("stt-sa200").decode("ascii").strip().replace("317652", ID)
    preset, echo, after = (text.replace("ST300", "SA200") for text in (PRESET, ECHO, AFTER))
    texts, outcome = spoken([report], [preset], [echo], [after])
    assert [text[:8] for text in texts] == ["ST300CMD", "SA200CMD", "SA200RPT", "SA200CMD"]
    assert states(outcome) == dict.fromkeys(ASKED, "confirmed")
    assert outcome.known["prefix"] == "SA200"
    # A report of the generation asked for, and one of another unit, answer nothing.
    command = next(FAMILY.apply(target(), ASKED))
    assert [command.match(message) for message in heard(f"ST300ALV;{ID}", "SA200ALV;317652")] == [Match.NO] * 2
    # What was learned goes before the option of the model.
    at = target(known={"prefix": "ST600"}, options={"prefix": "ST300"})
    assert next(FAMILY.apply(at, ASKED)).text == f"ST600CMD;{ID};02;Preset"
    with pytest.raises(LocalError):
        next(FAMILY.apply(target(options={"prefix": "ST300;X"}), ASKED))
    texts, outcome = spoken([f"ST910;Location;{ID};500"])
    assert (len(texts), states(outcome)) == (1, dict.fromkeys(ASKED, "rejected"))


def test_answers_to_other_commands_answer_nothing() -> None:
    _, outcome = spoken([AFTER, ECHO])  # PresetA does not answer Preset
    assert (states(outcome), outcome.unanswered) == (dict.fromkeys(ASKED, "unknown"), True)
    _, outcome = spoken([PRESET], [PRESET, AFTER])
    assert states(outcome) == dict.fromkeys(ASKED, "written")
    assert outcome.unanswered
    _, outcome = spoken([PRESET], [ECHO.replace(ID, "100850001")], [AFTER.replace(ID, "100850001")])
    assert states(outcome) == dict.fromkeys(ASKED, "written")


def test_an_echo_acknowledges_only_with_the_values_that_were_sent() -> None:
    _, outcome = spoken([PRESET], [ECHO.replace(";0;0;0;0", ";0.00;;0;0")])
    assert states(outcome) == dict.fromkeys(ASKED, "acknowledged")
    _, outcome = spoken([PRESET], [ECHO.replace(";60;", ";90;")])
    assert states(outcome) == dict.fromkeys(ASKED, "written")


def test_the_recorded_failure_refuses() -> None:
    texts, outcome = spoken(["-Error"])
    assert (len(texts), states(outcome)) == (1, dict.fromkeys(ASKED, "rejected"))
    _, outcome = spoken([PRESET], ["-Error"], [PRESET.replace("Preset", "PresetA")])
    assert states(outcome) == dict.fromkeys(ASKED, "rejected")
    assert outcome.reported == {"tracking_interval": 80, "tracking_distance": 1200}


@pytest.mark.parametrize(
    ("faults", "state"),
    [
        (
            Faults(clamp={"tracking_interval": (100, 999), "tracking_distance": (0, 99), "tracking_angle": (40, 50)}),
            "mismatched",
        ),
        (Faults(ignore=frozenset(ALL)), "mismatched"),
        (Faults(refuse=frozenset(ALL)), "rejected"),
        (Faults(silent=True), "unknown"),
    ],
)
def test_faults(faults: Faults, state: str) -> None:
    asked = {**ALL, "tracking_angle": 60}
    _, outcome, unit = applied(asked, faults=faults)
    assert states(outcome) == dict.fromkeys(asked, state)
    for name, found in outcome.fields.items():
        assert found.reported in (None, unit.settings[name])
    assert outcome.unanswered is faults.silent


def test_flipped_bits_of_the_preset_confirm_only_what_is_still_read_as_asked() -> None:
    """There is no checksum: with a flip in a value of ours that value must not be confirmed."""
    whole = f"{AFTER}\r".encode("ascii")
    start = whole.index(b"RPT;")
    for bit in range(8 * start, 8 * whole.index(b"EVT")):
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        _, outcome = spoken([PRESET], [ECHO], broken.decode("latin-1").split("\r"))
        hit = (bit // 8) - start
        found = states(outcome)
        if 9 <= hit < 11:
            assert found["tracking_interval"] != "confirmed", bytes(broken)
        if 17 <= hit < 20:
            assert found["tracking_distance"] != "confirmed", bytes(broken)
        for name, each in outcome.fields.items():
            assert each.reported is None or (found[name] == "confirmed") is (each.reported == ASKED[name])


def test_st940() -> None:
    at = Target("123456789", variant="st910")
    dialogue = FAMILY.apply(at, {"tracking_interval": 60})
    asked = next(dialogue)
    assert asked.payload == raw("st940-query-preset")
    answer = raw("st940-preset-answer").decode("ascii").strip()
    write = dialogue.send(collect(asked, heard(answer)))
    assert write.payload == raw("st940-set-report-derived").replace(b"180;180", b"180;60")
    again = dialogue.send(collect(write, heard("ST910;RES;REPORT;123456789;180;60;60;3;0.1")))
    with pytest.raises(StopIteration) as stop:
        dialogue.send(collect(again, heard(answer.replace("180;180", "180;60"))))
    assert states(stop.value.value) == {"tracking_interval": "confirmed"}
    assert FAMILY.check(at, {"tracking_distance": 100})[0].severity is Severity.UNSUPPORTED
    with pytest.raises(LocalError):
        next(FAMILY.apply(Target("123456789", variant="st910", options={"prefix": "ST300"}), {"tracking_interval": 60}))


def test_reading_and_the_dry_run() -> None:
    unit, stream = FAMILY.emulator(ID, "st300", settings=ALL), FAMILY.stream()
    exchanges, outcome = against_emulator(FAMILY.read(target(), list(ALL)), unit, stream)
    assert (sent(exchanges), outcome.reported) == ([f"ST300CMD;{ID};02;Preset"], ALL)
    assert against_nobody(FAMILY.read(target(), []))[0] == []
    dry, outcome = against_nobody(FAMILY.apply(target(), ASKED))
    assert sent(dry)[1] == f"ST300RPT;{ID};02;180;60;60;3;500;0;0;0;0"
    assert states(outcome) == dict.fromkeys(ASKED, "written")


def test_what_does_not_fit_is_told_before_anything_is_sent() -> None:
    wanted = {"tracking_interval": 0, "tracking_angle": 181, "tracking_distance": 60001, "x": 1}
    found = {problem.field: problem.severity for problem in FAMILY.check(target(), wanted)}
    assert found == {**dict.fromkeys(ALL, Severity.REFUSE), "x": Severity.UNSUPPORTED}
    with pytest.raises(LocalError):
        next(FAMILY.apply(target(device_id="100850000;02;Reboot"), ASKED))


def test_raw_commands() -> None:
    assert FAMILY.raw(target(), "StatusReq").payload == raw("cmd-status")
    assert FAMILY.raw(target(), "MSR;600;0.04;0.04;0.7").payload == raw("set-msr").replace(b"100852588", ID.encode())
    assert FAMILY.raw(target(), raw("set-rpt").decode("ascii")).payload == raw("set-rpt")
    nine = Target("123456789", variant="st910")
    assert FAMILY.raw(nine, "PRESET").payload == raw("st940-query-preset")
    assert FAMILY.raw(nine, "REPORT;180;180;60;3;0.10").payload == raw("st940-set-report-derived")
    command = FAMILY.raw(target(), "NTW;0;apn;user;hunter2;host;80")
    assert "hunter2" not in command.text
    assert b"hunter2" in command.secrets
    for text in ("", "a\rb", "é", "x" * 301):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), text)
    answers = heard("-Error", raw("ack-reset").decode("ascii").strip())
    assert [collect(command, [each]).verdict for each in answers] == [Verdict.REFUSED, Verdict.ANSWERED]
