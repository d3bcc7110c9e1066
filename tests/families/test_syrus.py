"""Syrus: recorded messages, which counter reports, answers that are held to their digits, the counter read again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from tracker_codecs.contract import Checksum, Faults, Kind, Message, Outcome, Severity, Strength, Target, Transport
from tracker_codecs.drive import against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.syrus.family import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "syrus" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
DEVICE = [name for name, case in CASES.items() if case["direction"] == "device_to_server"]
SERVER = [name for name, case in CASES.items() if case["direction"] == "server_to_device"]
REPORTS = [name for name in DEVICE if "report" in name]
IMEI = "357042063052352"
ASKED = {"tracking_interval": 3600, "tracking_distance": 8000, "tracking_angle": 45}
TIMED = {"tracking_interval": 3600, "tracking_distance": 8000}
#: The listing that the maker prints: four counters in events that report.
PRINTED = {
    number: text.removeprefix(">RED")[2:-1]
    for number, text in (
        (int(case["means"]["event"]), str(case["data"]))
        for case in CASES.values()
        if case["means"]["message"] == "event_definition_answer" and not case["means"]["undefined"]
    )
}


def raw(name: str) -> bytes:
    """As it was sent: two recordings are printed without their last character."""
    data = str(CASES[name]["data"]).encode("ascii")
    return data if data.endswith(b"<") or name in SERVER else data + b"<"


def heard(data: bytes, transport: Transport = Transport.TCP) -> list[Message]:
    stream = FAMILY.stream(transport)
    stream.feed(f">REV011958000369+0307185+1016144400000032;ID={IMEI}<".encode())
    return [event for event in stream.feed(data) if isinstance(event, Message)]


def target(**more: Any) -> Target:
    return Target(IMEI, variant="syrus", **{"experimental": True, **more})


def table(rows: dict[int, str], length: int = 100) -> bytes:
    return b"".join(f">RED{number:02d}{rows.get(number, 'U')}<".encode() for number in range(length))


def spoken(asked: dict[str, Any], *answers: bytes, **more: Any) -> tuple[list[str], Outcome]:
    """The commands and the outcome of a dialogue with these answers in order; then silence."""
    dialogue = FAMILY.apply(target(**more), asked)
    texts = []
    try:
        command = next(dialogue)
        for each in [*answers, *[b""] * 6]:
            texts.append(command.text)
            command = dialogue.send(collect(command, heard(each)))
    except StopIteration as stop:
        outcome: Outcome = stop.value
        return texts, outcome
    raise AssertionError("the dialogue does not end")


def unit(**more: Any) -> Any:
    return FAMILY.emulator(IMEI, "syrus", **more)


def applied(device: Any, asked: dict[str, Any], **more: Any) -> Outcome:
    return against_emulator(FAMILY.apply(target(**more), asked), device, FAMILY.stream())[1]


def states(outcome: Outcome) -> dict[str, str]:
    return {name: found.state.value for name, found in outcome.fields.items()}


# -- messages --
@pytest.mark.parametrize("name", REPORTS)
def test_reports(name: str) -> None:
    means = CASES[name]["means"]
    stream = FAMILY.stream()
    (message,) = [event for event in stream.feed(raw(name)) if isinstance(event, Message)]
    told = FAMILY.fields(message)
    assert (message.kind, message.device_id) == (Kind.REPORT, means["device_id"])
    assert (told["qualifier"], told["code"], told["body"]) == (means["qualifier"], means["id_code"], means["body"])
    assert told.get("checksum") == means.get("checksum")
    assert message.checksum is (Checksum.OK if "checksum" in means else Checksum.NONE)
    assert told.get("number") == means.get("message_number")
    assert FAMILY.recognise(raw(name)) is True


def test_an_event_report_tells_where_and_when() -> None:
    (message,) = heard(raw("event_report-01"))
    told = FAMILY.fields(message)
    assert {name: told[name] for name in ("event", "latitude", "longitude", "speed_kmh", "course", "gps_time")} == {
        "event": 0,
        "latitude": 3.07178,
        "longitude": 101.61449,
        "speed_kmh": 0.0,
        "course": 315,
        "gps_time": "2017-07-16T01:06:05",  # week 1958, day 0, 3965 s
    }
    assert told["attributes"]["BL"] == "4159"
    (message,) = heard(raw("event_report-07"))
    assert (FAMILY.fields(message)["longitude"], FAMILY.fields(message)["speed_kmh"]) == (-7.52990, 16.1)


def test_what_is_owed() -> None:
    owed = {name: FAMILY.stream().feed(raw(name))[0].owed for name in REPORTS if name != "event_report-05"}  # type: ignore[union-attr]
    assert owed["event_report-01"] == IMEI.encode()
    assert re.fullmatch(rb">ACK;ID=AA01;#0002;\*[0-9A-F]{2}<", owed["position_report-05"])
    assert owed["other_report-05"] == b">SAK;ID=CST3G0443;#IP1:089F<"
    assert owed["position_report-01"] == b""
    assert heard(raw("set_ack-01"))[0].owed == b""
    (acknowledgement,) = FAMILY.server(raw("server_ack-01"))
    assert isinstance(acknowledgement, Message)
    assert acknowledgement.device_id == CASES["server_ack-01"]["means"]["device_id"]


def signed(body: bytes) -> bytes:
    """With the checksum, through the asterisk."""
    total = 0
    for each in body + b";*":
        total ^= each
    return b"%b;*%02X<" % (body, total)


@pytest.mark.parametrize(
    ("parts", "owed"),
    [
        (b";#0805;ID=ABC123", b">ACK;#0805;ID=ABC123;*08<"),
        (b";ID=ABC123;#0805", b">ACK;ID=ABC123;#0805;*08<"),
        (b";ID=ABC123", b"ABC123"),
        (b";#IP1:089F;ID=ABC123", b"ABC123"),  # what these are owed in this order is not told
    ],
)
def test_a_number_before_the_id_is_said_back_in_that_order(parts: bytes, owed: bytes) -> None:
    """Reported by users of a public server: number, id and answer are theirs, the report is a recorded one."""
    (message,) = heard(signed(raw("position_report-05").partition(b";")[0] + parts))
    assert (message.kind, message.device_id, message.owed) == (Kind.REPORT, "ABC123", owed)


@pytest.mark.parametrize(
    ("text", "kind", "owed"),
    [
        (b">RUV00;#0805;ID=ABC123", Kind.REPORT, b">ACK;#0805;ID=ABC123;*08<"),
        (b">RUV00;ID=ABC123;#0805", Kind.REPORT, b">ACK;ID=ABC123;#0805;*08<"),
        (b">RUV00;#0805", Kind.REPORT, b""),
        (b">RUV00;ID=ABC123", Kind.REPLY, b""),
        (b">RUVXX;#0805;ID=ABC123", Kind.REPLY, b""),
    ],
)
def test_a_numbered_ruv_is_a_report(text: bytes, kind: Kind, owed: bytes) -> None:
    """Reported by users of a public server, without what stands behind `RUVnn`."""
    (message,) = heard(signed(text))
    assert (message.kind, message.owed, FAMILY.fields(message)["code"]) == (kind, owed, "UV")


def test_an_owed_checksum_is_that_of_the_recorded_units() -> None:
    # What a unit signed the way of `>RAL...;ID=3168;*48<` proves the sum; the answer is signed alike.
    (message,) = heard(raw("position_report-05"))
    body, told = message.owed[:-3], int(message.owed[-3:-1], 16)
    total = 0
    for each in body:
        total ^= each
    assert total == told
    for name in ("position_report-01", "position_report-08"):
        total = 0
        for each in raw(name)[:-3]:
            total ^= each
        assert f"{total:02X}" == CASES[name]["means"]["checksum"]


@pytest.mark.parametrize("name", [name for name in DEVICE if "event_definition" in name])
def test_events(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = heard(raw(name))
    told = FAMILY.fields(message)
    assert (message.kind, message.text) == (Kind.REPLY, str(CASES[name]["data"])[1:-1])
    assert (told["row"]["number"], told["counters"]) == (means["event"], means["td_signals"])
    assert (told["row"]["routing"] == "") is means["undefined"]


@pytest.mark.parametrize("name", [name for name in SERVER if name != "server_ack-01"])
def test_server_messages(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = FAMILY.server(raw(name))
    assert isinstance(message, Message)
    told = FAMILY.fields(message)
    assert told["message"] == ("query" if name.startswith("query") else "set")
    if "td_index" in means:
        counter = told["counter"]
        assert (counter["number"], counter["least"]) == (means["td_index"], means["min_time_s"])
        assert (counter["distance"], counter["most"]) == (means["distance_100m"], means["max_time_s"])
    if "event" in means:
        assert (told["row"]["number"], told["row"]["trigger"]) == (means["event"], means["trigger"])
        assert told["row"]["destination"] == str(means["destination"])
    if "degrees" in means:
        assert told["heading"] == means["degrees"]


def test_a_wrong_checksum_and_a_broken_message_cost_themselves_only() -> None:
    good = raw("event_report-02")
    events = FAMILY.stream().feed(raw("position_report-01").replace(b"*48", b"*49") + b">REV01195" + good)
    assert [isinstance(event, PeerError) for event in events] == [True, False]
    stream = FAMILY.stream(Transport.UDP)
    assert isinstance(stream.feed(good[:-1])[0], PeerError)
    assert stream.buffered == 0


def test_an_id_is_replaced_and_the_checksum_put_right() -> None:
    for name in ("position_report-01", "position_report-05"):
        mine, other = str(CASES[name]["means"]["device_id"]), "9Z99"
        renamed = FAMILY.rename(raw(name), mine, other)
        (message,) = heard(renamed)
        assert (message.device_id, message.checksum) == (other, Checksum.OK)
        assert FAMILY.rename(renamed, other, mine) == raw(name)


# -- conversations --
def test_commands_are_the_printed_ones() -> None:
    before = b">RTD60120000000501800<"
    texts, outcome = spoken(ASKED, table({49: "NV0;TD6+", 44: "NV0;J00+"}), before)
    assert texts == [">QED<", ">QTD6<", str(CASES["set_time_distance-01"]["data"])]
    assert texts[0] == CASES["query-01"]["data"]
    assert outcome.unanswered
    commands, _ = against_nobody(FAMILY.apply(target(), {"tracking_angle": 45}))
    assert commands[-1].command.payload == raw("set_heading-01")
    commands, _ = against_nobody(FAMILY.apply(target(), {"tracking_angle": 5}))
    assert commands[-1].command.payload == raw("set_heading-02")
    for name, index, least in (("set_time_distance-02", 0, 10), ("set_time_distance-04", 5, 60)):
        means = CASES[name]["means"]
        asked = {"tracking_interval": means["max_time_s"], "tracking_distance": means["distance_100m"] * 100}
        options = {"counter": index, "spacing": least}
        commands, _ = against_nobody(FAMILY.apply(target(options=options), asked))
        assert [each.command.payload for each in commands][1] == raw(name)
    _, outcome = against_nobody(FAMILY.apply(target(), ASKED))
    assert set(states(outcome).values()) == {"written"}  # nobody acknowledged anything


def test_a_unit_is_confirmed_by_its_own_counter() -> None:
    device = unit()
    assert states(applied(device, ASKED)) == {**dict.fromkeys(TIMED, "confirmed"), "tracking_angle": "acknowledged"}
    assert device.settings == ASKED
    outcome = applied(device, TIMED)
    assert {found.strength for found in outcome.fields.values()} == {Strength.READ_BACK}
    assert outcome.known == {"syrus_counter": "6", "syrus_events": "100"}


def test_the_least_time_of_the_unit_stays() -> None:
    for before, least in (
        ("0120000000501800", "0120"),  # kept
        ("0120", "0010"),  # was a timer: 0 would silence it
        ("0000000000501800", "0010"),
        ("3600000000509999", "0010"),  # not above the interval
        ("0120000000000000", "0010"),
    ):
        texts, _ = spoken(TIMED, f">RTD6{before}<".encode(), options={"counter": "6"})
        assert texts[1] == f">STD6{least}000000803600<"


def test_a_field_alone_leaves_the_other() -> None:
    def written(asked: dict[str, Any], before: str) -> str:
        return spoken(asked, f">RTD6{before}<".encode(), options={"counter": 6})[0][1]

    assert written({"tracking_interval": 60}, "0120") == ">STD60060000000000000<"
    assert written({"tracking_interval": 60}, "0020000000501800") == ">STD60020000000500060<"
    assert written({"tracking_distance": 200}, "0120") == ">STD60010000000020120<"
    assert written({"tracking_distance": 200}, "0020000000501800") == ">STD60020000000021800<"


def test_several_counters_that_report_are_not_guessed_between() -> None:
    texts, outcome = spoken(TIMED, table(PRINTED))
    assert (texts, states(outcome)) == ([">QED<"], dict.fromkeys(TIMED, "unsupported"))
    assert "the counters 0, 1, 3" in outcome.fields["tracking_interval"].reason
    texts, _ = spoken(TIMED, options={"counter": 1})
    assert texts == [">QTD1<"]


@pytest.mark.parametrize("rows", [{1: "sV0;TD1+"}, {1: "NX0;TD1+"}, {1: "XM0;TD1+"}, {1: "NV0;S00+;ACT=STD1+"}, {}])
def test_events_that_do_not_report_to_the_server_do_not_count(rows: dict[int, str]) -> None:
    texts, outcome = spoken(TIMED, table(rows))
    assert (texts, states(outcome)) == ([">QED<"], dict.fromkeys(TIMED, "unsupported"))
    texts, _ = spoken(TIMED, table(rows | {2: "NA1;A00TD7&F00&+"}))
    assert texts == [">QED<", ">QTD7<"]


def test_the_heading_needs_an_event() -> None:
    device = unit()
    del device.table[44]
    assert states(applied(device, ASKED)) == {**dict.fromkeys(TIMED, "confirmed"), "tracking_angle": "unsupported"}
    assert device.settings["tracking_angle"] == 45
    assert states(applied(device, ASKED, experimental=False))["tracking_angle"] == "unsupported"


def test_a_table_with_a_hole_decides_nothing() -> None:
    whole = table({49: "NV0;TD6+"})
    for missing in (b">RED49NV0;TD6+<", b">RED00U<", b">RED99U<"):
        texts, outcome = spoken(TIMED, whole.replace(missing, b""))
        assert (texts, outcome.unanswered) == ([">QED<"], True)
    texts, outcome = spoken(TIMED, table({49: "NV0;TD6+"}, 70))
    assert (texts[1:], outcome.known) == ([">QTD6<"], {"syrus_events": "70"})
    command = next(FAMILY.apply(target(known={"syrus_events": "70"}), TIMED))
    assert collect(command, heard(table({}, 70))).ok


def test_an_answer_to_a_set_is_held_to_its_digits() -> None:
    """A late answer to a query, or to an older set, is none; and after silence nothing is read back."""
    before, right = b">RTD60120000000501800<", b">RTD60120000000803600<"
    for answer in (before, b">RTD50120000000803600<", b""):
        texts, outcome = spoken(TIMED, before, answer, right, options={"counter": 6})
        assert (len(texts), outcome.unanswered, states(outcome)) == (2, True, dict.fromkeys(TIMED, "written"))
    _, outcome = spoken(TIMED, before, before + right, right, options={"counter": 6})
    assert states(outcome) == dict.fromkeys(TIMED, "confirmed")
    _, outcome = spoken(TIMED, before, right, options={"counter": 6})
    assert (outcome.unanswered, states(outcome)) == (True, dict.fromkeys(TIMED, "acknowledged"))


@pytest.mark.parametrize(
    ("faults", "state", "reported"),
    [
        (Faults(clamp={"tracking_interval": (30, 1800)}), "mismatched", 1800),
        (Faults(ignore=frozenset(TIMED)), "mismatched", 120),
        (Faults(refuse=frozenset(TIMED)), "written", None),
        (Faults(silent=True), "unknown", None),
    ],
)
def test_faults(faults: Faults, state: str, reported: int | None) -> None:
    outcome = applied(unit(faults=faults), TIMED)
    field = outcome.fields["tracking_interval"]
    assert (field.state.value, field.reported) == (state, reported)
    assert outcome.unanswered is (reported is None)


@pytest.mark.parametrize(
    ("digits", "state"),
    [
        ("0120000000803600", "confirmed"),
        ("0120999900803600", "confirmed"),  # CCCC has no meaning
        ("0000000000803600", "mismatched"),  # reports nothing at all
        ("9999000000803600", "mismatched"),
        ("3600000000000000", "mismatched"),
        ("0120000000800000", "mismatched"),
        ("3600", "mismatched"),
    ],
)
def test_what_a_counter_does_is_told(digits: str, state: str) -> None:
    before, echo = b">RTD60120000000501800<", b">RTD60120000000803600<"
    _, outcome = spoken(TIMED, before, echo, f">RTD6{digits}<".encode(), options={"counter": 6})
    assert state in states(outcome).values()
    assert ("mismatched" in states(outcome).values()) is (state == "mismatched")


def test_flipped_bits_of_a_counter_confirm_no_other_value() -> None:
    before, right = b">RTD60120000000501800<", b">RTD60120000000803600<"
    assert len(right) == 22
    for bit in range(8 * len(right)):
        broken = bytearray(right)
        broken[bit // 8] ^= 1 << bit % 8
        _, outcome = spoken(TIMED, before, right, bytes(broken), options={"counter": 6})
        interval, distance = (outcome.fields[name].state.value == "confirmed" for name in TIMED)
        if not 5 <= bit // 8 < 21:
            assert [interval, distance] == [False, False], bytes(broken)
        assert not (interval and broken[17:21] != right[17:21]), bytes(broken)
        assert not (distance and broken[13:17] != right[13:17]), bytes(broken)


def test_reading() -> None:
    wanted = list(ASKED)
    exchanges, outcome = against_emulator(FAMILY.read(target(), wanted), unit(settings=TIMED), FAMILY.stream())
    assert (outcome.reported, outcome.known["syrus_counter"]) == (TIMED, "6")
    known = target(known=outcome.known)
    exchanges, outcome = against_emulator(FAMILY.read(known, wanted), unit(settings=TIMED), FAMILY.stream())
    assert ([each.command.text for each in exchanges], outcome.reported) == ([">QTD6<"], TIMED)
    device = unit()
    device.table = dict(PRINTED)
    assert against_emulator(FAMILY.read(target(), wanted), device, FAMILY.stream())[1].reported == {}
    assert against_nobody(FAMILY.read(target(), ["tracking_angle"]))[0] == []


def test_what_does_not_fit_is_told_before_anything_is_sent() -> None:
    asked = {"tracking_interval": 10000, "tracking_distance": 250, "tracking_angle": 181, "x": 1}
    found = {problem.field: problem.severity for problem in FAMILY.check(target(), asked)}
    assert found == {**dict.fromkeys(asked, Severity.REFUSE), "x": Severity.UNSUPPORTED}
    with pytest.raises(LocalError):
        FAMILY.apply(target(), asked)
    # Below 100 m would be no distance at all.
    assert [each.field for each in FAMILY.check(target(), {"tracking_distance": 0})] == ["tracking_distance"]
    bad = FAMILY.check(target(options={"counter": 10}), TIMED)
    assert {each.severity for each in bad} == {Severity.UNSUPPORTED}


def test_raw_commands() -> None:
    command = FAMILY.raw(target(), "SSSXP21")
    assert command.payload == b">SSSXP21<"
    answers = heard(b">RTD60120<" + raw("set_ack-01"))
    assert [command.match(message).value for message in answers[:1]] == ["no"]
    assert (
        FAMILY.raw(Target("356612021234567", variant=next(iter(FAMILY.variants))), ">SSSXP21<").match(answers[1]).value
        == "done"
    )
    for text in ("", "S", ">SED49U<>SED48U<", "SED\r\nX", "QED\xe9"):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), text)


def test_a_place_that_is_none_costs_itself_only() -> None:
    line = f">REV011958000369+0307185+1016144400000032;ID={IMEI}<"
    (sound,), (odd,) = (FAMILY.stream().feed(each.encode()) for each in (line, line.replace("+0307185", "+9307185")))
    assert isinstance(sound, Message)
    assert isinstance(odd, Message)
    whole, told = FAMILY.fields(sound), FAMILY.fields(odd)
    assert told["latitude"] is None
    assert {**told, "latitude": whole["latitude"], "body": whole["body"]} == whole
