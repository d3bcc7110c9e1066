"""JT/T 808: printed and recorded frames of three editions, what is owed, traps of the wire."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from tracker_codecs.contract import Checksum, Kind, Message, Transport
from tracker_codecs.errors import PeerError
from tracker_codecs.families.jt808 import frame as wire
from tracker_codecs.families.jt808 import messages
from tracker_codecs.families.jt808.family import FAMILY

from tests.families.jt808_facts import CASES, framed, one, raw

FRAMES = [name for name, case in CASES.items() if "layer" not in case]
FROM_DEVICE = [name for name in FRAMES if CASES[name]["direction"] == "device_to_server"]
FROM_SERVER = [name for name in FRAMES if CASES[name]["direction"] == "server_to_device"]
#: Terminal messages that the platform answers with nothing.
UNANSWERED = {"terminal_general_response", "parameters", "parameters_fragment", "command_reply"}


def told(case: str, found: dict[str, Any]) -> dict[str, Any]:
    """Of what was understood, what the case speaks of; `params` in the case may be a part of all."""
    means = CASES[case]["means"]
    shown = {key: found.get(key) for key in means}
    if "params" in means and isinstance(shown["params"], dict):
        shown["params"] = {key: shown["params"].get(key) for key in means["params"]}
    return shown


@pytest.mark.parametrize("case", FROM_DEVICE)
def test_device_frame(case: str) -> None:
    means = {key: value for key, value in CASES[case]["means"].items() if key not in ("whole", "server_owes")}
    message = one(raw(case))
    found = told(case, FAMILY.fields(message))
    assert {key: found[key] for key in means} == means
    kinds = {"register": Kind.LOGIN, "auth": Kind.LOGIN, "heartbeat": Kind.HEARTBEAT, "time_request": Kind.OTHER}
    kinds |= {"location": Kind.REPORT, "location_batch": Kind.REPORT}
    assert message.kind is kinds.get(means["message"], Kind.REPLY)
    assert message.checksum is (Checksum.OK if CASES[case]["checksum_verified"] else Checksum.NONE)
    # A lock's text opens like Jointech's own protocol: it is read here, and is no sign of this family.
    assert FAMILY.recognise(raw(case)) is (raw(case)[:1] == b"~")


@pytest.mark.parametrize("case", FROM_SERVER)
def test_server_frame(case: str) -> None:
    (message,) = FAMILY.server(raw(case))
    assert isinstance(message, Message)
    assert told(case, FAMILY.fields(message)) == CASES[case]["means"]
    assert wire.build(wire.parse(raw(case))) == raw(case)


@pytest.mark.parametrize("case", [name for name in FRAMES if CASES[name]["encoding"] == "hex"])
def test_a_flipped_bit_is_never_a_message(case: str) -> None:
    """One byte of a frame; the marks too. What is heard in spite of it is the frame itself, never another one."""
    data = raw(case)
    for bit in range(8 * min(len(data), 120)):
        broken = bytearray(data)
        broken[bit // 8] ^= 1 << bit % 8
        heard = [event for event in FAMILY.stream().feed(bytes(broken)) if isinstance(event, Message)]
        assert heard == []


def test_the_escaping_of_the_standard() -> None:
    case = CASES["escape-standard"]
    plain = bytes.fromhex(case["means"]["unescaped"])
    assert wire.MARK + wire.escape(plain) + wire.MARK == raw("escape-standard")
    assert wire.unescape(raw("escape-standard")[1:-1]) == plain
    for wrong in (b"\x7d", b"\x7d\x03", b"\x7d\x7d\x01"):
        with pytest.raises(PeerError):
            wire.unescape(wrong)
    assert all(wire.xor(bytes(range(size))) == 0 for size in (0, 4, 8, 256))
    assert [wire.xor(bytes(range(1, size))) for size in (2, 3, 4, 6, 7)] == [1, 3, 0, 1, 7]


# -- who, and what is owed ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("case", "device_id"),
    [
        ("reg-bsj", "13511221122"),
        ("auth-2013", "12345678900"),
        ("reg-2019", "00123456789"),
        ("auth-2019", "17299841738"),
        ("loc-0704", "866496077582164"),
        ("loc-0200", "01401249917"),
        ("base-2-time", "794104004140"),
    ],
)
def test_who_it_is(case: str, device_id: str) -> None:
    """The digits of the device number without padding, but at least 11."""
    assert one(raw(case)).device_id == device_id


def test_a_number_that_is_no_bcd_is_an_imei() -> None:
    (message,) = FAMILY.server(raw("ctl-8105-traccar"))
    assert isinstance(message, Message)
    assert message.device_id is not None
    assert message.device_id[:14] == str(0x0B3A73CE2FF2)
    assert wire.phone_of(message.device_id, new=False).hex() == "0b3a73ce2ff2"


def test_a_registration_gets_a_code_and_everything_else_a_general_answer() -> None:
    stream = FAMILY.stream()
    register, auth, beat = stream.feed(raw("reg-bsj") + raw("auth-recorded") + raw("hb-recorded"))
    assert isinstance(register, Message)
    assert isinstance(auth, Message)
    assert isinstance(beat, Message)
    assert register.owed == framed(0x8100, "013511221122", 0, b"\x00\x05\x00" + b"13511221122")
    assert auth.owed == framed(0x8001, "013511221122", 1, bytes.fromhex("0006010200"))
    assert beat.owed == framed(0x8001, "040021679287", 2, bytes.fromhex("002b000200"))
    position = one(raw("loc-0200"))
    assert position.owed == framed(0x8001, "001401249917", 0, bytes.fromhex("0007020000"))
    batch = one(raw("loc-0704"))
    assert batch.owed == framed(0x8001, "00000866496077582164", 0, bytes.fromhex("881d070400"), version=1)


@pytest.mark.parametrize("case", FROM_DEVICE)
def test_answers_are_owed_nothing_all_else_something(case: str) -> None:
    message = one(raw(case))
    silent = CASES[case]["means"]["message"] in UNANSWERED or case == "text-reply-1300"
    assert (message.owed == b"") is silent


def test_the_edition_of_an_answer_is_that_of_the_question() -> None:
    """Bit 14 of the header was recorded with a header of 2013, which only the body length tells."""
    old = one(raw("auth-bit14-2013-header"))
    assert wire.parse(old.owed).version is None
    assert len(wire.parse(old.owed).phone) == 6
    new = one(raw("auth-2019"))
    assert (wire.parse(new.owed).version, len(wire.parse(new.owed).phone)) == (1, 10)


def test_the_time() -> None:
    stream = FAMILY.stream(clock=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    (lock,) = stream.feed(raw("base-2-time"))
    assert isinstance(lock, Message)
    assert lock.owed == b"(794104004140,1,001,BASE,2,20260102030405)"
    (asks,) = stream.feed(framed(0x0109, "013511221122", 3, b""))
    assert isinstance(asks, Message)
    assert asks.owed == framed(0x8109, "013511221122", 0, bytes.fromhex("07ea010203040500"))


def test_a_terminal_that_is_not_ours_is_told_so() -> None:
    refused = FAMILY.refuse(one(raw("reg-bsj")))
    assert refused == framed(0x8100, "013511221122", 0, b"\x00\x05\x04")
    assert FAMILY.fields(FAMILY.server(refused)[0])["auth_code"] is None  # type: ignore[arg-type]
    assert FAMILY.refuse(one(raw("hb"))) == b""
    fail = CASES["reg-reply-fail"]["means"]
    assert fail["result"] == 4


# -- traps of the wire -----------------------------------------------------------------------------------------------
def test_the_recorded_fragments_join_in_either_order() -> None:
    first, second = one(raw("ans-0104-frag-a1")), one(raw("ans-0104-frag-a2"))
    whole = CASES["ans-0104-frag-a1"]["means"]["whole"]
    for pair in ((first, second), (second, first)):
        joined = messages.join(message.data for message in pair)
        assert joined is not None
        found = messages.parameters(joined.body)
        assert (found.serial, found.announced) == (whole["answer_serial"], whole["item_count_field"])
        for name, value in whole["params"].items():
            assert int.from_bytes(found.values[int(name, 16)], "big") == value, name
    assert messages.join([first.data]) is None


def test_lost_marks_and_noise_cost_one_frame_at_most() -> None:
    beat, place = raw("hb"), raw("loc-0200")
    for data, count in (
        (b"\x7e" + beat + place, 2),
        (b"noise" + beat + b"\x00\x7e" + place, 2),
        (beat[:-4] + place + beat, 2),
        (beat[1:] + place, 1),
    ):
        for split in (1, 5, len(data)):
            stream = FAMILY.stream()
            events = [e for at in range(0, len(data), split) for e in stream.feed(data[at : at + split])]
            assert sum(isinstance(event, Message) for event in events) == count, data.hex()


def test_a_frame_without_an_end_is_given_up() -> None:
    stream = FAMILY.stream()
    events = stream.feed(b"\x7e" + bytes(wire.MAX_FRAME))
    assert [type(event) for event in events] == [PeerError]
    assert stream.buffered == 0


def test_a_length_that_fits_no_header_is_refused() -> None:
    for size in (0, 1, 6, 0x3FF):
        data = b"\x00\x02" + size.to_bytes(2, "big") + bytes.fromhex("012345678900000a") + bytes(2)
        frame = wire.MARK + wire.escape(data + bytes((wire.xor(data),))) + wire.MARK
        (event,) = FAMILY.stream().feed(frame)
        assert isinstance(event, PeerError)


def test_an_encrypted_body_is_not_read() -> None:
    frame = wire.build(wire.Frame(0x0200, bytes.fromhex("013511221122"), 1, bytes(40), properties=0x0400))
    message = one(frame)
    assert (message.kind, FAMILY.fields(message)["encrypted"]) == (Kind.OTHER, True)
    assert message.owed == framed(0x8001, "013511221122", 0, bytes.fromhex("0001020000"))


def test_a_datagram_is_whole() -> None:
    stream = FAMILY.stream(Transport.UDP)
    (fault,) = stream.feed(raw("hb")[:-3])
    assert isinstance(fault, PeerError)
    assert [type(event) for event in stream.feed(raw("hb"))] == [Message]


def test_redaction() -> None:
    old, new = "13511221122", "13579024681"
    for case in ("reg-bsj", "auth-recorded", "hb-recorded"):
        changed = FAMILY.rename(raw(case), old, new)
        if case == "hb-recorded":  # another terminal's
            assert changed == raw(case)
            continue
        assert one(changed).device_id == new
        assert FAMILY.rename(changed, new, old) == raw(case)
    assert FAMILY.normalise(raw("set-8103-interval-built")) == wire.build(
        wire.parse(raw("set-8103-interval-built"))._replace(serial=0)
    )
