"""JT/T 808: dialogues with emulated terminals: exact bytes, what is confirmed, what answers what."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from tracker_codecs.contract import Faults, FieldState, Match, Message, Outcome, Severity, Strength, Target
from tracker_codecs.drive import Exchange, against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError
from tracker_codecs.families.jt808.emulator import Jt808Emulator
from tracker_codecs.families.jt808.family import FAMILY

from tests.families.jt808_facts import CASES, framed, one, raw

DEVICE, PHONE = "13812345678", "013812345678"
ASKED = {"tracking_interval": 600}
#: 0x8106 for 0x0020 and 0x0029 by JT/T 808-2013 section 8.11: count, ids.
QUERY = bytes.fromhex("020000002000000029")


def target(**fields: Any) -> Target:
    return Target(DEVICE, "huabao_hb_t10", "huabao", **{"serial": 17, **fields})


def applied(
    seconds: int = 600, at: Target | None = None, **emulator: Any
) -> tuple[list[Exchange], Outcome, Jt808Emulator]:
    unit = FAMILY.emulator(DEVICE, "huabao", **emulator)
    assert isinstance(unit, Jt808Emulator)
    dialogue = FAMILY.apply(at or target(), {"tracking_interval": seconds})
    exchanges, outcome = against_emulator(dialogue, unit, FAMILY.stream())
    return exchanges, outcome, unit


def state(outcome: Outcome) -> tuple[str, Any]:
    found = outcome.fields["tracking_interval"]
    return found.state.value, found.reported


def setting(seconds: int, serial: int, *, strategy: bool = False) -> bytes:
    items = (b"\0\0\0\x20\x04" + bytes(4) if strategy else b"") + b"\0\0\0\x29\x04" + seconds.to_bytes(4, "big")
    return framed(0x8103, PHONE, serial, bytes((1 + strategy,)) + items)


def told(serial: int, seconds: int, **more: int) -> Message:
    """0x0104 with this interval."""
    values = {0x29: seconds, **{int(key[1:], 16): value for key, value in more.items()}}
    items = b"".join(struct.pack(">IBI", ident, 4, value) for ident, value in values.items())
    return one(framed(0x0104, PHONE, 9, struct.pack(">HB", serial, len(values)) + items))


def answered(serial: int, ident: int, result: int) -> Message:
    return one(framed(0x0001, PHONE, 8, struct.pack(">HHB", serial, ident, result)))


# -- what is sent ----------------------------------------------------------------------------------------------------
def test_exact_bytes() -> None:
    exchanges, outcome, unit = applied()
    assert [exchange.command.payload for exchange in exchanges] == [
        framed(0x8106, PHONE, 17, QUERY),
        setting(600, 18),
        framed(0x8106, PHONE, 19, QUERY),
    ]
    assert state(outcome) == ("confirmed", 600)
    assert outcome.fields["tracking_interval"].strength is Strength.READ_BACK
    assert unit.settings == ASKED
    dry, _ = against_nobody(FAMILY.apply(target(), ASKED))
    assert [each.command.payload for each in dry] == [each.command.payload for each in exchanges]
    assert outcome.known == {"edition": "2013", "phone": PHONE, "query": "8106"}


def test_a_strategy_in_which_the_interval_does_not_count_is_changed_with_it() -> None:
    """The bytes are those of the built example among the fixtures: 0x0020 = 0 and 0x0029 = 30, serial 17."""
    exchanges, outcome, unit = applied(30, target(serial=16), options={"strategy": 1})
    assert exchanges[1].command.payload == raw("set-8103-interval-built") == setting(30, 17, strategy=True)
    assert exchanges[1].command.depends_on_read
    assert state(outcome) == ("confirmed", 30)
    for strategy in (0, 2):
        exchanges, outcome, unit = applied(30, options={"strategy": strategy})
        assert exchanges[1].command.payload == setting(30, 18)
        assert unit.parameters[0x20] == strategy


def test_the_2019_edition() -> None:
    """A terminal that is silent to the older header is asked in the other one; then it is known."""
    at = target(options={"edition": "2019"}, serial=18)
    exchanges, outcome, _ = applied(60, at, options={"edition": "2019"})
    assert exchanges[1].command.payload == raw("set-8103-2019-built")
    assert state(outcome) == ("confirmed", 60)
    exchanges, outcome, _ = applied(60, options={"edition": "2019"})
    assert [exchange.command.payload[1:3].hex() for exchange in exchanges] == ["8106", "8106", "8103", "8106"]
    assert state(outcome) == ("confirmed", 60)
    assert outcome.known["edition"] == "2019"
    exchanges, _, _ = applied(60, target(known=outcome.known), options={"edition": "2019"})
    assert len(exchanges) == 3


def test_the_header_is_the_one_that_the_terminal_was_heard_with() -> None:
    dialogue = FAMILY.apply(target(), ASKED)
    ask = next(dialogue)
    frame = framed(0x0200, "00000000013812345678", 4, bytes(28), version=1)
    assert ask.match(one(frame)) is Match.NO
    again = dialogue.send(collect(ask, []))
    assert again.payload[1:3].hex() == "8104"
    assert again.payload[5:16].hex() == "01" + "00000000013812345678"


@pytest.mark.parametrize("edition", ["2011", "2013", "2019", "1999"])
def test_the_option_edition(edition: str) -> None:
    at = target(options={"edition": edition})
    if edition == "1999":
        with pytest.raises(LocalError):
            FAMILY.check(at, ASKED)
        return
    command = next(FAMILY.apply(at, ASKED))
    assert len(command.payload) == len(framed(0x8106, PHONE, 17, QUERY)) + (5 if edition == "2019" else 0)


# -- what is confirmed -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("options", [{"answer_serial": 0}, {"answer_serial": 0x8104}, {"fragments": True}])
def test_terminals_that_answer_oddly_are_understood(options: dict[str, Any]) -> None:
    assert state(applied(options=options)[1]) == ("confirmed", 600)


def test_without_8106_all_parameters_are_asked_for() -> None:
    exchanges, outcome, _ = applied(options={"query": "8104"})
    assert [each.command.payload[1:3].hex() for each in exchanges] == ["8106", "8104", "8103", "8104"]
    assert exchanges[1].command.payload == framed(0x8104, PHONE, 18, b"")
    assert state(outcome) == ("confirmed", 600)
    exchanges, _, _ = applied(at=target(known=outcome.known), options={"query": "8104"})
    assert [each.command.payload[1:3].hex() for each in exchanges] == ["8104", "8103", "8104"]


def test_without_any_query_it_stays_acknowledged() -> None:
    _, outcome, unit = applied(options={"query": "none"})
    assert state(outcome) == ("acknowledged", None)
    assert unit.settings == ASKED


def test_where_8103_is_refused_the_vendor_message_is_tried() -> None:
    exchanges, outcome, _ = applied(600, target(serial=0xFFFE), options={"set": False})
    third = exchanges[2].command.payload
    assert third == raw("set-0310-built")  # serial 0: it counts on from 0xFFFF
    assert state(outcome) == ("confirmed", 600)


def test_a_refused_list_is_sent_one_by_one() -> None:
    dialogue = FAMILY.apply(target(), ASKED)
    ask = next(dialogue)
    both = dialogue.send(collect(ask, [told(17, 30, x20=1)]))
    assert both.payload == setting(600, 18, strategy=True)
    first = dialogue.send(collect(both, [answered(18, 0x8103, 2)]))
    assert first.payload == framed(0x8103, PHONE, 19, bytes.fromhex("01000000200400000000"))
    second = dialogue.send(collect(first, [answered(19, 0x8103, 1)]))
    assert second.payload == setting(600, 20)
    back = dialogue.send(collect(second, [answered(20, 0x8103, 0)]))
    with pytest.raises(StopIteration) as stop:
        dialogue.send(collect(back, [told(21, 600, x20=1)]))
    found = stop.value.value.fields["tracking_interval"]
    assert found.state is FieldState.REJECTED
    assert "by distance" in found.reason


def test_clamped_ignored_refused_silent() -> None:
    name = "tracking_interval"
    assert state(applied(faults=Faults(clamp={name: (10, 300)}))[1]) == ("mismatched", 300)
    assert state(applied(faults=Faults(ignore=frozenset({name})))[1]) == ("mismatched", 30)
    _, outcome, _ = applied(faults=Faults(refuse=frozenset({name})))
    assert state(outcome) == ("rejected", 30)
    assert "failure" in outcome.fields[name].reason
    exchanges, outcome, _ = applied(faults=Faults(silent=True))
    assert (outcome.unanswered, state(outcome)) == (True, ("unknown", None))
    assert not [each for each in exchanges if each.command.payload[1:3] == b"\x81\x03"]


def test_a_write_that_nobody_answered_is_not_read_back() -> None:
    """A late 0x0104 with serial 0 could confirm it."""
    dialogue = FAMILY.apply(target(), ASKED)
    write = dialogue.send(collect(next(dialogue), [told(17, 30)]))
    with pytest.raises(StopIteration) as stop:
        dialogue.send(collect(write, []))
    assert (stop.value.value.unanswered, state(stop.value.value)) == (True, ("written", None))


@pytest.mark.parametrize("options", [{}, {"fragments": True}])
def test_no_flipped_bit_of_a_read_back_confirms(options: dict[str, Any]) -> None:
    exchanges, outcome, _ = applied(options=options)
    assert state(outcome) == ("confirmed", 600)
    last = b"".join(message.frame for message in exchanges[-1].reply.messages)
    for bit in range(8 * len(last)):
        broken = bytearray(last)
        broken[bit // 8] ^= 1 << bit % 8
        dialogue = FAMILY.apply(target(), ASKED)
        command = next(dialogue)
        for exchange in exchanges[:-1]:
            command = dialogue.send(exchange.reply)
        heard = [event for event in FAMILY.stream().feed(bytes(broken)) if isinstance(event, Message)]
        reply = collect(command, heard)
        assert not reply.ok
        with pytest.raises(StopIteration) as stop:
            dialogue.send(reply)
        assert state(stop.value.value)[0] == "acknowledged"


# -- what answers what -----------------------------------------------------------------------------------------------
def test_recorded_answers_to_queries() -> None:
    """Serial echoed (62), constant 0x8104, 0 with a lying count, 0 in two fragments; one more serial never."""
    for case, seconds in (("ans-0104-tracker", 30), ("ans-0104-tracker-serial", 30)):
        phone = CASES[case]["means"]["phone_field"]
        at = Target(phone.lstrip("0"), variant="huabao", serial=62)
        (exchange,), outcome = _asked(at, [one(raw(case))])
        assert exchange.ok
        assert outcome.reported == {"tracking_interval": seconds}
    assert not _asked(Target("19019000002", variant="huabao", serial=63), [one(raw("ans-0104-tracker"))])[0]
    lies = one(raw("ans-0104-count-lies"))
    assert _asked(Target("18015505113", variant="huabao"), [lies])[1].reported == {}
    pair = [one(raw("ans-0104-frag-a1")), one(raw("ans-0104-frag-a2"))]
    for order in (pair, pair[::-1]):
        at = Target("11275400381", variant="huabao")
        assert _asked(at, order)[1].reported == {"tracking_interval": 30}
    assert not _asked(Target("11275400381", variant="huabao"), pair[:1])[0]


def _asked(at: Target, heard: list[Message]) -> tuple[list[Any], Outcome]:
    """Reads, with these messages as the answer to the first query and silence after it."""
    dialogue = FAMILY.read(at, ["tracking_interval"])
    command, good = next(dialogue), []
    while True:
        reply = collect(command, heard)
        heard = []
        good += [reply] if reply.ok else []
        try:
            command = dialogue.send(reply)
        except StopIteration as stop:
            return good, stop.value


def test_a_general_answer_counts_for_its_serial_and_id_only() -> None:
    dialogue = FAMILY.apply(target(), ASKED)
    write = dialogue.send(collect(next(dialogue), [told(17, 30)]))
    ok = one(raw("ack-0001-set-ok-built"))  # serial 17
    assert write.match(ok) is Match.NO
    assert write.match(answered(18, 0x8103, 0)) is Match.DONE
    assert write.match(answered(18, 0x8106, 0)) is Match.NO
    assert write.match(answered(18, 0x8103, 3)) is Match.REFUSED
    assert write.match(told(18, 600)) is Match.NO
    other = one(framed(0x0001, "013812345679", 8, struct.pack(">HHB", 18, 0x8103, 0)))
    assert write.match(other) is Match.NO


def test_late_answers_to_older_revisions_match_nothing() -> None:
    old = [each.command for each in against_nobody(FAMILY.apply(target(serial=32), ASKED))[0]]
    new = [each.command for each in against_nobody(FAMILY.apply(target(serial=64), ASKED))[0]]
    for at, command in enumerate(old):
        late = answered(32 + at, 0x8103, 0) if at == 1 else told(32 + at, 600)
        assert command.match(late) is Match.DONE
        assert all(each.match(late) is Match.NO for each in new)


def test_values_that_do_not_fit() -> None:
    for value in (0, -5, 1 << 32, True, 1.5):
        (problem,) = FAMILY.check(target(), {"tracking_interval": value})
        assert problem.severity is Severity.REFUSE
        with pytest.raises(LocalError):
            FAMILY.apply(target(), {"tracking_interval": value})
    (problem,) = FAMILY.check(target(), {"tracking_angle": 30})
    assert problem.severity is Severity.UNSUPPORTED
    with pytest.raises(LocalError):
        FAMILY.check(Target("123456789012345678901", variant="huabao"), ASKED)


def test_own_commands() -> None:
    means = CASES["text-8300-2013"]["means"]
    command = FAMILY.raw(Target("12345678900", variant="huabao", serial=1), means["text"])
    body = b"\x01" + means["text"].encode()  # the example has flag 5, ours is that of a BSJ tunnel
    assert command.payload == framed(0x8300, means["phone_field"], 1, body)
    at = Target("45450091546", variant="huabao")
    assert FAMILY.raw(at, "SZCS#").match(one(raw("text-reply-1300"))) is Match.DONE
    assert FAMILY.raw(at, raw("hb")).payload == raw("hb")
    for text in ("", "a\nb", "x" * 501, b""):
        with pytest.raises(LocalError):
            FAMILY.raw(at, text)


def test_a_terminal_registers_authenticates_and_reports() -> None:
    for edition in ("2013", "2019"):
        unit = FAMILY.emulator(DEVICE, "huabao", options={"edition": edition})
        stream = FAMILY.stream()
        (register,) = [event for datum in unit.connect() for event in stream.feed(datum.data)]
        assert isinstance(register, Message)
        (auth,) = [event for datum in unit.receive(register.owed) for event in stream.feed(datum.data)]
        assert isinstance(auth, Message)
        assert FAMILY.fields(auth)["auth_code"] == DEVICE
        assert unit.receive(auth.owed) == []
