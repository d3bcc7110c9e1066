"""Queclink @Track: dialogues with emulated units, replay of composed dialogues."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tracker_codecs.contract import (
    Faults,
    FieldState,
    Kind,
    Match,
    Message,
    Outcome,
    Purpose,
    Reply,
    Strength,
    Target,
    Transport,
    Verdict,
)
from tracker_codecs.drive import against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError
from tracker_codecs.families.queclink.family import FAMILY
from tracker_codecs.families.queclink.layout import HexAck

from tests.families.queclink_facts import (
    ASKED,
    GL200,
    GV,
    IMEI,
    applied,
    messages,
    problems,
    raw,
    sections,
    states,
    target,
)


# -- dialogues -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("variant", ASKED)
@pytest.mark.parametrize("transport", [Transport.TCP, Transport.UDP])
def test_confirmed_and_dry_run_writes_the_same(variant: str, transport: Transport) -> None:
    at = target(variant, transport=transport)
    exchanges, outcome, unit = applied(variant, ASKED[variant], at, transport=transport)
    told = set(problems(variant, ASKED[variant]))
    for name, found in outcome.fields.items():
        assert found.state is (FieldState.UNSUPPORTED if name in told else FieldState.CONFIRMED), name
        if name not in told:
            assert unit.settings[name] == found.reported == ASKED[variant][name]
            assert found.strength is Strength.READ_BACK
    dry, assumed = against_nobody(FAMILY.apply(at, ASKED[variant]))
    assert [x.command.payload for x in dry] == [x.command.payload for x in exchanges]
    assert FieldState.CONFIRMED not in {found.state for found in assumed.fields.values()}
    for exchange in exchanges:
        assert exchange.command.secrets[0] in exchange.command.payload
        assert b"***" not in exchange.command.payload
        assert exchange.command.secrets[0].decode() + "," not in exchange.command.text


def test_the_gl_types_are_mode_and_gps_power_together() -> None:
    fri, gps = (
        {"interval": "1", "distance": "2", "power_save": "1"},
        {"interval": "2", "distance": "2", "power_save": "1"},
    )
    unit = FAMILY.emulator(IMEI, "gl200")
    for kind in ("power_save", "distance", "power_save", "interval"):
        asked = {**GL200, "type": kind}
        _, outcome = against_emulator(FAMILY.apply(target("gl200"), asked), unit, FAMILY.stream())
        assert outcome.fields["type"].state is FieldState.CONFIRMED
        stored = sections(unit)
        assert (stored["FRI"][0], stored["CFG"][4]) == (fri[kind], gps[kind])
        assert stored["FRI"][6:8] == (["600", "600"] if kind == "power_save" else ["300", "300"])


def test_distance_mode_without_gps_is_no_confirmation() -> None:
    unit = FAMILY.emulator(
        IMEI, "gl200", settings={**GL200, "type": "power_save"}, faults=Faults(ignore=frozenset({"type"}))
    )
    _, outcome = against_emulator(FAMILY.apply(target("gl200"), {**GL200, "type": "distance"}), unit, FAMILY.stream())
    assert outcome.fields["type"].state is FieldState.MISMATCHED
    sections(unit)["FRI"][0] = "2"
    _, outcome = against_emulator(FAMILY.read(target("gl200"), ["type"]), unit, FAMILY.stream())
    assert "type" not in outcome.reported


def test_other_arguments_survive() -> None:
    for variant, asked in ASKED.items():
        unit = FAMILY.emulator(IMEI, variant)
        before = {name: list(values) for name, values in sections(unit).items()}
        against_emulator(FAMILY.apply(target(variant), asked), unit, FAMILY.stream())
        changed = {
            (name, at)
            for name, values in before.items()
            for at, value in enumerate(values, 1)
            if sections(unit)[name][at - 1] != value
        }
        assert changed <= {
            *{("FRI", at) for at in (1, 7, 8, 9, 12, 13, 18)},
            *{("GBC", at) for at in (7, 8, 13)},
            *{("NMD", 1), ("NMD", 2), ("CFG", 5), ("CFG", 8)},
        }


def test_movement_bits_are_kept_and_the_rest_intervals_give_way() -> None:
    for present, wanted, left in (("6", True, "7"), ("7", False, "6"), ("E", True, "7"), ("F", False, "E")):
        unit = FAMILY.emulator(IMEI, "gl200")
        sections(unit)["NMD"][0] = present
        asked = {**GL200, "movement_detection": wanted}
        _, outcome = against_emulator(FAMILY.apply(target("gl200"), asked), unit, FAMILY.stream())
        assert sections(unit)["NMD"][0] == left
        assert outcome.fields["movement_detection"].state is FieldState.CONFIRMED


def test_a_unit_that_clears_empty_fields_gets_them_back() -> None:
    for variant in ("gl200", "gv500"):
        unit = FAMILY.emulator(IMEI, variant, options={"clears": True})
        before = {name: list(values) for name, values in sections(unit).items()}
        exchanges, outcome = against_emulator(FAMILY.apply(target(variant), ASKED[variant]), unit, FAMILY.stream())
        assert "not_preserved" not in outcome.known
        for name, values in before.items():
            now = sections(unit)[name]
            assert all(kept for value, kept in zip(values, now, strict=True) if value), (name, now)
        assert len(exchanges) < 32  # command numbers of one revision
        assert FieldState.MISMATCHED not in {found.state for found in outcome.fields.values()}


def test_the_units_own_number_of_fields_is_used() -> None:
    _, outcome, _ = applied("gv500", GV, target("gv500"), options={"count_cfg": 21, "count_fri": 18})
    assert outcome.fields["psm_mode"].state is FieldState.CONFIRMED
    assert (outcome.known["count_cfg"], outcome.known["count_fri"]) == ("21", "18")
    dry, _ = against_nobody(FAMILY.apply(target("gv500", known=outcome.known), GV))
    assert dry[3].command.payload.count(b",") == 22


def test_a_unit_without_gtals_is_asked_for_everything() -> None:
    exchanges, outcome, _ = applied("gl200", GL200, target("gl200"), options={"als": False})
    assert outcome.fields["movement_detection"].state is FieldState.CONFIRMED
    assert outcome.known["read"] == "all"
    assert [x.command.text.split(",")[2] for x in exchanges if "RTO" in x.command.text] == ["FRI", "", ""]


def test_without_any_read_back_nothing_is_confirmed_and_bits_are_not_guessed() -> None:
    exchanges, outcome, _ = applied("gl200", GL200, target("gl200"), options={"read": False})
    assert outcome.fields["tracking_interval"].state is FieldState.ACKNOWLEDGED
    assert outcome.fields["movement_detection"].state is FieldState.UNKNOWN
    assert [x.command.payload for x in exchanges if b"NMD=" in x.command.payload] == [
        b"AT+GTNMD=gl200,,28,,,,,,,,,,,,0024$".replace(b"0024", exchanges[-1].command.payload[-5:-1])
    ]


def test_clamped_ignored_refused_silent() -> None:
    clamp = Faults(clamp={"tracking_interval": (60, 900)})
    for variant in ("gl200", "gv500"):
        _, outcome, _ = applied(variant, {**ASKED[variant], "tracking_interval": 30}, faults=clamp)
        found = outcome.fields["tracking_interval"]
        assert (found.state, found.reported) == (FieldState.MISMATCHED, 60)
    for variant, name in (("gl200", "non_movement_duration"), ("gl500", "wakeup_time"), ("gv55lite", "psm_interval")):
        only = frozenset({name})
        _, outcome, _ = applied(variant, ASKED[variant], faults=Faults(ignore=only))
        assert outcome.fields[name].state is FieldState.MISMATCHED
        _, outcome, _ = applied(variant, ASKED[variant], faults=Faults(refuse=only))
        assert outcome.fields[name].state is FieldState.REJECTED
        assert "silence" in outcome.fields[name].reason
        _, outcome, _ = applied(variant, ASKED[variant], faults=Faults(refuse=only), options={"nack": True})
        assert "wrong password or parameter" in outcome.fields[name].reason
        exchanges, outcome, _ = applied(variant, ASKED[variant], faults=Faults(silent=True))
        assert outcome.unanswered
        assert len(exchanges) == 1
        assert set(states(outcome).values()) <= {"unknown", "unsupported"}


def test_silence_over_udp_is_no_refusal() -> None:
    at = target("gv500", transport=Transport.UDP)
    faults = Faults(refuse=frozenset({"psm_mode"}))
    _, outcome, _ = applied("gv500", GV, at, transport=Transport.UDP, faults=faults)
    assert outcome.unanswered
    assert outcome.fields["psm_mode"].state is FieldState.MISMATCHED


def test_wrong_password() -> None:
    _, outcome, _ = applied("gv500", GV, target("gv500"), options={"password": "abcd", "nack": True})
    assert states(outcome)["type"] == "rejected"
    _, outcome, _ = applied("gv500", GV, target("gv500"), options={"password": "abcd"})
    assert outcome.unanswered
    _, outcome, _ = applied("gv500", GV, options={"password": "abcd"})
    assert states(outcome)["type"] == "confirmed"
    with pytest.raises(LocalError):
        FAMILY.apply(target("gv500", options={"password": "a,b$"}), GV)


def test_a_unit_of_another_line_is_left_alone() -> None:
    unit = FAMILY.emulator(IMEI, "gv500", options={"password": "gl200"})
    exchanges, outcome = against_emulator(FAMILY.apply(target("gl200"), GL200), unit, FAMILY.stream())
    assert all(exchange.command.purpose is Purpose.READ for exchange in exchanges)
    assert outcome.unanswered or "belongs to gv500" in outcome.fields["type"].reason


def test_answers_match_by_word_serial_unit_and_order() -> None:
    first, _, _ = applied("gl200", GL200)
    ask = next(FAMILY.apply(target("gl200"), GL200))
    ack, als = first[0].reply.messages

    def said(message: Message, old: bytes, new: bytes) -> Message:
        assert old in message.frame
        return messages(message.frame.replace(old, new))[0]

    assert collect(ask, [als]).verdict is Verdict.TIMEOUT  # before the acknowledgement of this very reading
    assert next(FAMILY.apply(target("gl200"), GL200)).match(said(ack, b",0020,", b",0040,")) is Match.NO
    for wrong in (
        said(ack, b",0020,", b",0000,"),
        said(ack, b"READ", b"GPS"),
        said(ack, b"GTRTO", b"GTFRI"),
        said(ack, IMEI.encode(), b"135790246811221"),
        said(als, b"+RESP", b"+BUFF"),
    ):
        assert ask.match(wrong) is Match.NO
    assert ask.match(ack) is Match.PART
    assert ask.match(said(als, b",FRI,", b",CFG,")) is Match.NO
    assert ask.match(said(als, b",20260101", b",20250101")) is Match.NO  # older than our acknowledgement
    assert ask.match(said(als, b"+RESP", b"+BUFF")) is Match.NO
    assert ask.match(als) is Match.DONE


def test_serials_come_back_in_lower_case_and_revisions_share_none() -> None:
    one = {x.command.payload[-5:-1] for x in applied("gl200", GL200)[0]}
    two = {
        x.command.payload[-5:-1]
        for x in against_nobody(FAMILY.apply(Target(IMEI, variant="gl200", serial=64), GL200))[0]
    }
    assert not one & two
    at = Target(IMEI, variant="gl200", serial=0xABC0)
    assert applied("gl200", GL200, at)[1].fields["type"].state is FieldState.CONFIRMED


def test_damaged_read_back_confirms_nothing_wrong() -> None:
    """Every single flipped bit of the section report after the write: either it shows, or the value is the true one."""
    asked = {**GV, "psm_mode": 0}
    exchanges, _, unit = applied("gv500", asked)
    ack, als = exchanges[4].reply.messages
    truth = unit.settings
    for bit in range(8 * len(als.frame)):
        frame = bytearray(als.frame)
        frame[bit // 8] ^= 1 << bit % 8
        dialogue = FAMILY.apply(target("gv500"), asked)
        next(dialogue)
        for exchange in exchanges[:3]:
            dialogue.send(exchange.reply)
        read_back = dialogue.send(exchanges[3].reply)
        stream = FAMILY.stream()
        heard = [e for e in (*stream.feed(ack.frame), *stream.feed(bytes(frame))) if isinstance(e, Message)]
        try:
            reply = collect(read_back, heard)
            dialogue.send(reply)
            dialogue.send(exchanges[5].reply)
        except StopIteration as stop:
            outcome: Outcome = stop.value
            for name, found in outcome.fields.items():
                if found.state is FieldState.CONFIRMED:
                    assert found.reported == truth[name] == asked[name]
        finally:
            dialogue.close()


def test_hex_format_units_take_text_commands() -> None:
    """A unit in HEX format acknowledges with a HEX frame: word by message type, serial, checksum."""
    ack = HexAck.parse(raw("hex-ack"))

    def acknowledge(kind: int, serial: int) -> Message:
        from fastcrc import crc16

        body = HexAck.build({**ack, "message_type": kind, "serial": serial})
        body = body[:-4] + crc16.ibm_3740(body[4:-4]).to_bytes(2, "big") + b"\r\n"
        return messages(body)[0]

    dialogue = FAMILY.apply(target("gv500"), GV)
    ask = next(dialogue)
    assert ask.payload.startswith(b"AT+GTRTO=")
    assert ask.match(acknowledge(11, 32)) is Match.NO
    assert ask.match(acknowledge(16, 33)) is Match.NO
    assert ask.match(acknowledge(16, 32)) is Match.PART
    fri = messages(
        f"+RESP:GTALS,1F0101,{IMEI},,,FRI,1,0,,1,0000,0000,,10,1000,1000,,45,600,,,,,20260101000000,0001$".encode()
    )
    assert ask.match(fri[0]) is Match.DONE
    dialogue.send(Reply(Verdict.ANSWERED, (acknowledge(16, 32), *fri)))
    cfg = messages(f"+RESP:GTALS,1F0101,{IMEI},,,CFG,gv500,,,,,,,0,,,,,,,,,,,,,20260101000000,0002$".encode())
    write = dialogue.send(Reply(Verdict.ANSWERED, (acknowledge(16, 33), *cfg)))
    assert write.match(acknowledge(11, 34)) is Match.DONE
    dialogue.close()


def test_the_password_in_cfg_is_not_shown() -> None:
    exchanges, _, _ = applied("gv500", GV, options={"password": "s3cret"})
    shown = [message.text for exchange in exchanges for message in exchange.reply.messages]
    assert any(",CFG,***," in text for text in shown)
    assert not any("s3cret" in text for text in shown)


# -- reading, raw commands, reports, replay ---------------------------------------------------------------------------
@pytest.mark.parametrize("variant", ASKED)
def test_reading(variant: str) -> None:
    unit = FAMILY.emulator(IMEI, variant, settings=ASKED[variant])
    _, outcome = against_emulator(FAMILY.read(target(variant), list(ASKED[variant])), unit, FAMILY.stream())
    assert outcome.reported == {name: value for name, value in unit.settings.items() if name in outcome.reported}
    assert set(outcome.reported) >= set(ASKED[variant]) - set(problems(variant, ASKED[variant]))
    assert not outcome.fields


def test_raw_commands() -> None:
    unit, stream = FAMILY.emulator(IMEI, "gv500"), FAMILY.stream()
    command = FAMILY.raw(target("gv500"), "GTRTO,3,,,,,")
    assert command.payload == b"AT+GTRTO=gv500,3,,,,,,0020$"
    assert "gv500" not in command.text
    heard = [e for d in unit.receive(command.payload) for e in stream.feed(d.data) if isinstance(e, Message)]
    assert collect(command, heard).verdict is Verdict.ANSWERED
    whole = FAMILY.raw(target("gv500"), raw("cmd-rto-read-cfg").decode())
    assert whole.payload == raw("cmd-rto-read-cfg")
    for bad in ("", "GTRTO,3$AT+GTRTO=gv500,4", "caf\u00e9", "hello", "AT+GTRTO=x"):
        with pytest.raises(LocalError):
            FAMILY.raw(target("gv500"), bad)


@pytest.mark.parametrize("variant", [*ASKED, "gt300"])
def test_emulated_reports_are_understood_and_sack_is_served(variant: str) -> None:
    unit = FAMILY.emulator(IMEI, variant, options={"sack": "on"})
    stream = FAMILY.stream()
    now = datetime(2026, 5, 1, tzinfo=UTC)
    events = [
        event for datum in (*unit.connect(), *unit.report(now), *unit.report(now)) for event in stream.feed(datum.data)
    ]
    kinds = [event.kind for event in events if isinstance(event, Message)]
    assert kinds[:2] == [Kind.HEARTBEAT, Kind.REPORT]
    assert len(kinds) == len(events) == (3 if variant == "gt300" else 4)
    for event in events:
        assert isinstance(event, Message)
        assert FAMILY.fields(event)["imei"] == IMEI
        unit.receive(event.owed)
    assert unit.report_interval > 0


@pytest.mark.parametrize("version", ["350302", "35030201"])
def test_an_acknowledged_reading_may_leave_out_its_sub_command(version: str) -> None:
    """As reported of units in the field, and so may a protocol version have eight characters."""
    device_id = "867844000000005"
    at = Target(device_id, variant="gv500", serial=0x18)
    stream = FAMILY.stream()
    (message,) = stream.feed(f"+ACK:GTRTO,{version},{device_id},,0018,20040101000148,0017$".encode("ascii"))
    assert isinstance(message, Message)
    assert FAMILY.fields(message)["message"] == "command_ack"
    ask = next(FAMILY.read(at, ["tracking_interval"]))
    assert ask.payload.endswith(b",0018$")
    assert ask.match(message) is Match.PART
    other = next(FAMILY.read(Target(device_id, variant="gv500", serial=0x38), ["tracking_interval"]))
    assert other.match(message) is Match.NO
