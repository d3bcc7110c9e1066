"""Teltonika: dialogues with emulated units of each dialect, and with misbehaving ones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from tracker_codecs.contract import (
    Command,
    Faults,
    FieldState,
    Kind,
    Match,
    Message,
    Outcome,
    Purpose,
    Reply,
    Strength,
    Transport,
    Verdict,
)
from tracker_codecs.drive import against_emulator, against_nobody, collect
from tracker_codecs.families.teltonika.family import FAMILY

from tests.families.teltonika_facts import (
    ASKED,
    IMEI,
    TELFM,
    TELFM5X,
    applied,
    one,
    problems,
    raw,
    reply,
    sent,
    states,
    target,
)


@pytest.mark.parametrize("variant", ASKED)
@pytest.mark.parametrize("experimental", [False, True])
def test_confirmed_and_dry_run_writes_the_same(variant: str, experimental: bool) -> None:
    at = target(variant, experimental=experimental)
    exchanges, outcome, unit = applied(variant, at=at)
    told = set(problems(variant, ASKED[variant], experimental=experimental))
    for name, found in outcome.fields.items():
        assert found.state is (FieldState.UNSUPPORTED if name in told else FieldState.CONFIRMED), (name, found.reason)
        if name not in told:
            assert unit.settings[name] == found.reported == ASKED[variant][name]
            assert found.strength is Strength.READ_BACK
    dry, assumed = against_nobody(FAMILY.apply(at, ASKED[variant]))
    probes = [x for x in exchanges if x.command.purpose is Purpose.PROBE and x.command.text != "getver"]
    assert [x.command.payload for x in dry] == [x.command.payload for x in exchanges if x not in probes]
    assert FieldState.CONFIRMED not in {found.state for found in assumed.fields.values()}
    assert not outcome.unanswered


def test_fmb_says_exactly_this() -> None:
    exchanges, _, _ = applied("fmb")
    assert exchanges[0].command.payload == raw("c12-getver")
    assert [text for text in sent(exchanges) if text.startswith("setparam")] == [
        "setparam 10050:60;10051:100;10052:30;10000:180",
        "setparam 10150:60;10151:100;10152:30;10100:180",
        "setparam 10250:60;10251:100;10252:30;10200:180",
        "setparam 102:0",
        "setparam 138:1",
        "setparam 10055:60",
    ]
    assert [x.command.text for x in exchanges if x.command.depends_on_read] == ["setparam 138:1", "setparam 10055:60"]
    assert max(len(text) for text in sent(exchanges)) <= 160


def test_old_fm_says_exactly_this() -> None:
    exchanges, _, _ = applied("old_fm")
    sets = [x.command.text for x in exchanges if x.command.purpose is Purpose.WRITE]
    assert sets[:4] == ["setparam 1550 60", "setparam 1551 100", "setparam 1552 30", "setparam 1540 180"]
    assert sets[-3:] == ["setparam 1000 0", "setparam 1002 0", "setparam 1554 60"]
    assert all(";" not in text and ":" not in text for text in sent(exchanges))
    unread = {x.command.text.split()[1] for x in exchanges if x.command.depends_on_read}
    assert unread == {"1571", "1591", "1572", "1592", "1560", "1554"}


def test_other_parameters_survive() -> None:
    for variant, asked in ASKED.items():
        unit = FAMILY.emulator(IMEI, variant)
        before = dict(unit.params)  # type: ignore[attr-defined]
        against_emulator(FAMILY.apply(target(variant), asked), unit, FAMILY.stream())
        changed = {key for key, value in unit.params.items() if before[key] != value}  # type: ignore[attr-defined]
        assert not {key for key in changed if key[-1] in "34" and key != "103"} - {"1554"}, changed
        assert not changed & {"106", "107", "2001", "200", "1900", "1001", "10155", "10255", "10005"}


@pytest.mark.parametrize(
    ("option", "held", "interval", "left"),
    [("follow", "120", 60, "60"), ("follow", "30", 60, "30"), ("follow", "0", 60, "0"), ("keep", "120", 60, "120")],
)
def test_the_send_period_is_only_ever_lowered(option: str, held: str, interval: int, left: str) -> None:
    unit: Any = FAMILY.emulator(IMEI, "fmb")
    unit.params["10055"] = held
    at = target("fmb", options={"send_period": option})
    against_emulator(FAMILY.apply(at, {**TELFM, "tracking_interval": interval}), unit, FAMILY.stream())
    assert unit.params["10055"] == left


@pytest.mark.parametrize(("parameter", "codes"), [("138", "124"), ("100", "012")])
def test_the_movement_source_is_written_in_the_units_own_coding(parameter: str, codes: str) -> None:
    for source, code in zip(("ignition", "g_sensor", "gps"), codes, strict=True):
        exchanges, outcome, unit = applied(
            "fmb", {**TELFM, "stop_detection": source}, options={"movement": int(parameter)}
        )
        assert f"setparam {parameter}:{code}" in sent(exchanges)
        assert unit.params[parameter] == code
        assert outcome.fields["stop_detection"].state is FieldState.CONFIRMED
        assert outcome.known["movement"] == parameter
        _, told = against_emulator(FAMILY.read(target("fmb"), list(TELFM)), unit, FAMILY.stream())
        assert told.reported == {**TELFM, "stop_detection": source}


def test_a_sum_of_sources_is_not_one_of_them() -> None:
    unit: Any = FAMILY.emulator(IMEI, "fmb", faults=Faults(ignore=frozenset({"stop_detection"})))
    unit.params["138"] = "3"
    _, outcome = against_emulator(FAMILY.apply(target("fmb"), TELFM), unit, FAMILY.stream())
    assert outcome.fields["stop_detection"].state is FieldState.MISMATCHED
    assert "138 is 3" in outcome.fields["stop_detection"].reason


def test_networks_that_disagree_confirm_nothing() -> None:
    exchanges, _, _ = applied("fmb")
    outcome = _with_last_read(exchanges, lambda text: text.replace("10150:60", "10150:300"))
    assert outcome.fields["tracking_interval"].state is FieldState.MISMATCHED
    assert "10150 is 300" in outcome.fields["tracking_interval"].reason


def _with_last_read(exchanges: Any, change: Any) -> Outcome:
    """The same dialogue again, with other texts in the answers to the read-back."""
    dialogue = FAMILY.apply(target("fmb"), TELFM)
    command: Command = next(dialogue)
    try:
        for exchange in exchanges:
            answers = exchange.reply
            if command.purpose is Purpose.READ_BACK and command.text == exchange.command.text:
                heard = [reply(change(message.data.text)) for message in answers.messages]
                answers = collect(command, heard)
            command = dialogue.send(answers)
        while True:
            command = dialogue.send(Reply(Verdict.TIMEOUT))
    except StopIteration as stop:
        outcome: Outcome = stop.value
        return outcome
    finally:
        dialogue.close()


def test_parameters_a_unit_does_not_have_are_left_out() -> None:
    missing = ["10150", "10151", "10152", "10100"]
    _, outcome, _ = applied("fmb", options={"missing": missing})
    assert set(states(outcome).values()) == {"confirmed"}
    _, outcome, _ = applied("fmb", options={"missing": ["10052", "10152", "10252"]})
    assert states(outcome) == {**dict.fromkeys(TELFM, "confirmed"), "tracking_angle": "rejected"}
    exchanges, outcome, _ = applied("old_fm", options={"missing": ["1571", "1591"]})
    assert set(states(outcome).values()) == {"confirmed"}
    assert not [text for text in sent(exchanges) if text.startswith("setparam 1571")]


@pytest.mark.parametrize("known", [True, False])
def test_the_dialect_is_found_by_hardware_name_or_by_probing(known: bool) -> None:
    old = FAMILY.emulator(IMEI, "old_fm", options={"hardware": "FM1120" if known else "", "getver": known})
    _, outcome = against_emulator(FAMILY.apply(target("fmb"), TELFM), old, FAMILY.stream())
    assert set(states(outcome).values()) == {"confirmed"}
    assert outcome.known["dialect"] == "old_fm"
    again, _ = against_nobody(FAMILY.apply(target("fmb", known=outcome.known), TELFM))
    assert "setparam 1550 60" in sent(again)
    assert ("getver" in sent(again)) is known
    new = FAMILY.emulator(IMEI, "fmb", options={"hardware": "FMB920" if known else ""})
    _, outcome = against_emulator(FAMILY.apply(target("old_fm"), TELFM), new, FAMILY.stream())
    assert set(states(outcome).values()) == {"confirmed"}


def test_units_that_no_table_fits_are_not_written_to() -> None:
    exchanges, outcome, _ = applied("fmb", options={"hardware": "TAT100"})
    assert sent(exchanges) == ["getver"]
    assert set(states(outcome).values()) == {"rejected"}
    exchanges, outcome, _ = applied("fmb", options={"hardware": "FM6320"})
    assert "setparam 1550 60" not in sent(exchanges)
    assert states(outcome)["tracking_interval"] == "rejected"


def test_fm6_tracking_is_written_only_where_a_single_number_stands() -> None:
    at = target("fm6", experimental=True)
    unit: Any = FAMILY.emulator(IMEI, "fm6")
    unit.params["1550"] = "0,300,10,1"
    exchanges, outcome = against_emulator(FAMILY.apply(at, TELFM5X), unit, FAMILY.stream())
    assert states(outcome)["tracking_interval"] == "rejected"
    assert states(outcome)["tracking_angle"] == "confirmed"
    assert not [text for text in sent(exchanges) if text.startswith("setparam 1550")]
    assert unit.params["1550"] == "0,300,10,1"


@pytest.mark.parametrize("variant", ["fmb", "old_fm", "fmx640"])
def test_clamped_ignored_refused_silent(variant: str) -> None:
    asked = ASKED[variant]
    _, outcome, _ = applied(variant, faults=Faults(clamp={"tracking_interval": (90, 900)}))
    found = outcome.fields["tracking_interval"]
    assert (found.state, found.reported) == (FieldState.MISMATCHED, 90)
    for name in ("tracking_angle", "sleep_mode"):
        _, outcome, unit = applied(variant, faults=Faults(ignore=frozenset({name})))
        assert states(outcome) == {**dict.fromkeys(asked, "confirmed"), name: "mismatched"}
        _, outcome, unit = applied(variant, faults=Faults(refuse=frozenset({name})))
        assert states(outcome) == {**dict.fromkeys(asked, "confirmed"), name: "rejected"}
        assert unit.settings.get(name) != asked[name]
        words = "no answer" if variant == "old_fm" else "WARNING: Not supported Param ID or Value detected"
        assert words in outcome.fields[name].reason
    exchanges, outcome, _ = applied(variant, faults=Faults(silent=True))
    assert outcome.unanswered
    assert len(exchanges) <= 2
    assert "getver" not in outcome.known
    assert set(states(outcome).values()) == {"unknown"}


def test_units_that_answer_a_write_like_a_reading() -> None:
    _, outcome, _ = applied("fmb", options={"old_reply": True})
    assert set(states(outcome).values()) == {"confirmed"}


def test_a_late_answer_to_a_write_is_no_reading() -> None:
    """The unit ignores 102:0 but says `Param ID:102 Value:0`, too late: the fence before the read-back swallows it."""
    unit: Any = FAMILY.emulator(
        IMEI, "fmb", options={"old_reply": True}, faults=Faults(ignore=frozenset({"sleep_mode"}))
    )
    dialogue = FAMILY.apply(target("fmb"), {"sleep_mode": "disabled"})
    late: list[Message] = []
    sent_texts: list[str] = []
    stream = FAMILY.stream()
    command = next(dialogue)
    try:
        while True:
            sent_texts.append(command.text)
            heard = [e for d in unit.receive(command.payload) for e in stream.feed(d.data) if isinstance(e, Message)]
            heard, late = (late + heard, []) if command.purpose is not Purpose.WRITE else ([], heard)
            command = dialogue.send(collect(command, heard))
    except StopIteration as stop:
        outcome: Outcome = stop.value
    assert sent_texts == ["getver", "setparam 102:0", "getver", "getparam 102"]
    assert outcome.fields["sleep_mode"].reported is None
    assert outcome.fields["sleep_mode"].state is not FieldState.CONFIRMED
    assert outcome.unanswered


def test_answers_match_by_ids_and_values() -> None:
    commands = {x.command.text: x.command for x in applied("fmb")[0]}
    write, read = commands["setparam 102:0"], commands["getparam 138"]
    assert write.match(reply("New value 102:0;")) is Match.DONE
    assert write.match(reply("Param ID:102 Value:0")) is Match.DONE
    assert write.match(reply("Error while configuring parameters")) is Match.REFUSED
    for foreign in ("New value 102:2;", "New value 103:0;", "New value 102:0;103:1", "#FM2=1", "Param ID:102 Value:"):
        assert write.match(reply(foreign)) is Match.NO, foreign
    assert write.match(reply("New value 102:0", 0x0E, IMEI)) is Match.DONE
    assert write.match(reply("New value 102:0", 0x0E, "123456789012345")) is Match.NO
    assert write.match(one(raw("c14-nack"))) is Match.NO
    for foreign in ("New value 138:1;", "Param ID:100 Value:1", "Param ID:138 New Val:1", "Ver:1", "hello"):
        assert read.match(reply(foreign)) is Match.NO, foreign
    assert read.match(reply("Param ID:138 doesn\u00b4t exist")) is Match.DONE
    assert read.match(reply("Invalid parameter id provided")) is Match.REFUSED


def test_an_answer_in_parts_is_put_together() -> None:
    exchanges, _, _ = applied("fmb")
    command = next(x.command for x in exchanges if x.command.text.startswith("getparam 10055;"))
    first, rest = reply("Param ID:10055 Value:120;10155:0;10255:0"), reply("Param ID:10005 Value:1;10105:0;10205:0")
    assert command.match(first) is Match.PART
    assert command.match(reply("#FM2=1")) is Match.NO
    assert command.match(rest) is Match.DONE


def test_damaged_read_back_confirms_nothing_wrong() -> None:
    """Every flipped bit of the read-back, on the wire and (as if the checksum had been made for it) in the text."""
    exchanges, _, unit = applied("fmb")
    backs = [x.reply.messages[0] for x in exchanges if x.command.purpose is Purpose.READ_BACK]
    for back in backs:
        text = back.data.text
        for bit in range(8 * len(back.frame)):
            frame = bytearray(back.frame)
            frame[bit // 8] ^= 1 << bit % 8
            heard = [e for e in FAMILY.stream().feed(bytes(frame)) if isinstance(e, Message)]
            assert all(message.kind is Kind.HEARTBEAT for message in heard)
        for bit in range(8 * len(text)):
            damaged = bytearray(text.encode())
            damaged[bit // 8] ^= 1 << bit % 8
            said = damaged.decode("latin-1")
            outcome = _with_last_read(exchanges, lambda old, text=text, said=said: said if old == text else old)
            for name, found in outcome.fields.items():
                if found.state is FieldState.CONFIRMED:
                    assert found.reported == unit.settings[name] == TELFM[name]


def test_codec_14_names_the_unit() -> None:
    at = target("fmb", options={"command_codec": 14})
    exchanges, outcome, _ = applied("fmb", at=at)
    assert exchanges[0].command.payload == raw("c14-getver")
    assert set(states(outcome).values()) == {"confirmed"}
    other = FAMILY.emulator("123456789012345", "fmb")
    (said,) = other.receive(raw("c14-getver"))
    assert exchanges[0].command.match(one(said.data)) is Match.REFUSED


# -- the emulated unit -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("variant", ASKED)
@pytest.mark.parametrize("transport", [Transport.TCP, Transport.UDP])
def test_emulated_reports(variant: str, transport: Transport) -> None:
    unit = FAMILY.emulator(IMEI, variant, transport=transport)
    stream = FAMILY.stream(transport)
    now = datetime(2026, 5, 1, 12, 0, 7, tzinfo=UTC)
    events = [e for d in (*unit.connect(), *unit.heartbeat(), *unit.report(now)) for e in stream.feed(d.data)]
    told = []
    for event in events:
        assert isinstance(event, Message)
        assert event.device_id == IMEI
        told.append(FAMILY.fields(event))
    assert [found["message"] for found in told] == (
        ["login", "keepalive", "avl_data"] if transport is Transport.TCP else ["avl_data"]
    )
    assert told[-1]["records"][0]["utc"] == "2026-05-01T12:00:07.000Z"
    assert told[-1]["codec"] == ("0x8E" if variant in ("fmb", "fmx640") else "0x08")
    assert unit.report_interval == 300


def test_the_unit_sends_again_what_nobody_acknowledged_and_takes_any_split() -> None:
    unit = FAMILY.emulator(IMEI, "fmb")
    unit.connect()
    (first,) = unit.report(datetime(2026, 5, 1, tzinfo=UTC))
    unit.connect()
    assert unit.receive(b"\x01") == [first]
    assert unit.receive(bytes.fromhex("00000001")) == []
    unit.connect()
    data = b"\x01" + raw("c12-getver")
    (answer,) = [said for at in range(len(data)) for said in unit.receive(data[at : at + 1])]
    assert "Hw:FMB120" in FAMILY.fields(one(answer.data))["text"]
