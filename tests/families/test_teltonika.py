"""Teltonika: documented and recorded frames and texts, traps of the wire, values that do not fit."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tracker_codecs.contract import Checksum, Event, Kind, Message, Severity, Strength, Transport
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.teltonika import frame as wire
from tracker_codecs.families.teltonika import layout, texts
from tracker_codecs.families.teltonika.family import FAMILY

from tests.families.teltonika_facts import ASKED, CASES, IMEI, TELFM, TELFM5X, one, problems, raw, reply, seen, target

FRAMES = {name: case for name, case in CASES.items() if case["layer"] == "frame"}
TEXTS = {name: case for name, case in CASES.items() if case["layer"] == "command_text"}
BROKEN = ("avl-bad-length-and-crc", "c13-wiki-inconsistent")
DEVICE = [n for n, c in FRAMES.items() if c["direction"] == "device_to_server" and n not in BROKEN]
TCP = [n for n in DEVICE if "transport" not in CASES[n]]


# -- frames ----------------------------------------------------------------------------------------------------------
def matches(found: dict[str, Any], means: dict[str, Any]) -> None:
    for key, value in means.items():
        if key in ("note", "server_owes", "reply", "valid"):
            continue
        if key in ("first_record", "last_record"):
            record = found["records"][0 if key == "first_record" else -1]
            matches(record, {name: told for name, told in value.items() if name != "io"})
            assert record["io"] == {str(name): told for name, told in value["io"].items()}
            assert record["latitude"] * 1e7 == pytest.approx(value["lat_1e7"], abs=0.5)
            assert record["longitude"] * 1e7 == pytest.approx(value["lon_1e7"], abs=0.5)
        elif key == "text":
            assert found[key] == value.encode("unicode_escape").decode("ascii")
        else:
            assert found[key] == value, key


@pytest.mark.parametrize("name", DEVICE)
def test_device_frame(name: str) -> None:
    case, means = CASES[name], CASES[name]["means"]
    message = one(raw(name), Transport(case.get("transport", "tcp")))
    told = FAMILY.fields(message)
    matches(told, means)
    owed = "01" if means["message"] == "login" else means.get("server_owes", "")
    assert message.owed.hex() == owed
    assert message.checksum is (Checksum.OK if case.get("checksum_verified") else Checksum.NONE)
    if means["message"] == "avl_data":
        assert len(told.get("records", [])) == (0 if means["codec"] == "0x07" else means["record_count"])
    if "imei" in means and not means["message"].startswith("command"):
        assert message.device_id == means["imei"]
    assert FAMILY.recognise(raw(name)) is (None if name == "keepalive-ff" else True)
    kinds = {"login": Kind.LOGIN, "keepalive": Kind.HEARTBEAT, "avl_data": Kind.REPORT, "command_response": Kind.REPLY}
    assert message.kind is kinds.get(means["message"], Kind.REPLY if name == "c14-nack" else Kind.OTHER)


LAID_OUT = [n for n in DEVICE if CASES[n]["means"].get("codec") not in (None, "0x07")]


@pytest.mark.parametrize("name", [n for n in LAID_OUT if n not in ("c12-camera-type-0d",)])
def test_the_layout_and_the_fast_path_say_the_same(name: str) -> None:
    """Every frame from outside, taken apart by construct and built again; its values against those of `fields`."""
    struct = layout.DATAGRAM if CASES[name].get("transport") == "udp" else layout.PACKET
    parsed = struct.parse(raw(name))
    body = (parsed if struct is layout.DATAGRAM else parsed.framed).body
    told = FAMILY.fields(one(raw(name), Transport(CASES[name].get("transport", "tcp"))))
    again = {"value": {"codec": body.value.codec, "data": body.value.data}}
    if struct is layout.PACKET:
        assert layout.PACKET.build({"framed": {"body": again}}) == raw(name)
    else:
        assert layout.DATAGRAM.build({**parsed, "body": again}) == raw(name)
    if "records" in body.value.data:
        assert len(body.value.data.records) == len(told["records"])
    for record, quick in zip(body.value.data.get("records", []), told.get("records", []), strict=True):
        plain = {key: value for key, value in record.items() if key in quick}
        assert plain == {key: quick[key] for key in plain}
        assert len(plain) >= 10
        pairs = [pair for size in (1, 2, 4, 8) for pair in record[f"io{size}"]]
        assert {str(pair.id): pair.value for pair in pairs}.items() <= quick["io"].items()
        assert len(pairs) + len(record.get("variable", [])) == len(quick["io"])


@pytest.mark.parametrize("name", [n for n, c in FRAMES.items() if c["direction"] == "server_to_device"])
def test_server_frame(name: str) -> None:
    (event,) = FAMILY.server(raw(name))
    assert isinstance(event, Message)
    matches(FAMILY.fields(event), CASES[name]["means"])


def test_commands_are_framed_as_documented() -> None:
    assert FAMILY.raw(target("fmb"), "getinfo").payload == raw("c12-getinfo")
    assert FAMILY.raw(target("fmb"), "getver").payload == raw("c12-getver")
    assert FAMILY.raw(target("fmb", options={"command_codec": 14}), "getver").payload == raw("c14-getver")
    assert FAMILY.raw(target("fmb"), raw("c12-binary-payload")).payload == raw("c12-binary-payload")


@pytest.mark.parametrize("name", BROKEN)
def test_broken_frames_are_named_never_answered_and_lose_nothing_after_them(name: str) -> None:
    events = FAMILY.stream().feed(raw(name) + raw("avl-codec8e-wiki"))
    assert isinstance(events[0], PeerError)
    found = [event for event in events if isinstance(event, Message)]
    assert [message.frame for message in found] == [raw("avl-codec8e-wiki")]


@pytest.mark.parametrize("name", [n for n in TCP if CASES[n].get("checksum_verified")])
def test_every_flipped_bit_is_owed_nothing(name: str) -> None:
    whole = raw(name)
    for bit in range(8 * len(whole)):
        frame = bytearray(whole)
        frame[bit // 8] ^= 1 << bit % 8
        for event in FAMILY.stream().feed(bytes(frame)):
            assert isinstance(event, PeerError) or (event.kind is Kind.HEARTBEAT and not event.owed)


def test_counts_that_disagree_are_not_acknowledged_though_the_checksum_is_right() -> None:
    body = bytearray(raw("avl-codec8-wiki-1")[8:-4])
    body[1] = 2
    crc = 0
    for byte in body:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    events = FAMILY.stream().feed(bytes(4) + len(body).to_bytes(4, "big") + bytes(body) + crc.to_bytes(4, "big"))
    assert all(isinstance(event, PeerError) for event in events)


# -- texts -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", [n for n, c in TEXTS.items() if c["direction"] == "device_to_server"])
def test_reply_text(name: str) -> None:
    means, text = CASES[name]["means"], CASES[name]["data"]
    if means["message"] == "version":
        assert texts.version(text) == (means["firmware"], means["hardware"])
        return
    wanted = means.get("values") or means.get("accepted") or {}
    told = texts.parse(text, means.get("asked", wanted))
    assert told is not None
    assert told.values == wanted
    assert told.written is (means["message"] == "set_reply")
    assert told.missing == (set(means["asked"]) if means.get("error") == "unknown_parameter" else set())
    assert told.refused is (means.get("error") in ("invalid_id", "unsupported_id_or_value"))


def test_command_texts() -> None:
    means = CASES["txt-set-fmb-many"]["means"]
    assert texts.set_text(means["settings"], blank=False) == CASES["txt-set-fmb-many"]["data"]
    assert texts.set_text(CASES["txt-set-138-gnss"]["means"]["settings"], blank=False) == "setparam 138:4"
    assert texts.get_text(["2001"]) == CASES["txt-get-one"]["data"]
    assert texts.get_text(["1550"]) == CASES["txt-get-old"]["data"]
    assert texts.version(FAMILY.fields(one(raw("c14-response-getver")))["text"]) == ("03.18.14_04", "FMB120")


# -- traps of the wire -----------------------------------------------------------------------------------------------
def test_one_chunk_is_byte_by_byte() -> None:
    noise = b"\0\0\xffGET / HTTP/1.1\r\n\r\n\xff\0\x0f12x" + bytes(11) + b"\0\0\0\0\0\0\0\x05\x08\1\2\3\4\5\6\7\x08\x09"
    data = noise + b"".join(raw(name) + noise[at:] for at, name in enumerate([*TCP, *BROKEN]))
    single = FAMILY.stream()
    events = [event for at in range(len(data)) for event in single.feed(data[at : at + 1])]
    assert seen(FAMILY.stream().feed(data)) == seen(events)
    assert {e.frame for e in events if isinstance(e, Message)} >= {raw(name) for name in TCP}


@hypothesis_settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from([*map(raw, FRAMES), *(raw(n)[:20] for n in FRAMES), bytes(4), b"\0", b"\xff", b"\0\x0f35"]),
            st.binary(max_size=40),
        ),
        max_size=7,
    ),
    st.integers(1, 50),
)
def test_any_mixture_is_bounded_and_split_anywhere_alike(parts: list[bytes], step: int) -> None:
    data = b"".join(parts)
    whole, single, some = FAMILY.stream(), FAMILY.stream(), FAMILY.stream()
    events: list[Event] = []
    for at in range(len(data)):
        events += single.feed(data[at : at + 1])
        assert single.buffered <= FAMILY.limits.max_frame
    chunks = [event for at in range(0, len(data), step) for event in some.feed(data[at : at + step])]
    assert seen(whole.feed(data)) == seen(events) == seen(chunks)
    for event in events:
        if isinstance(event, Message):
            try:
                FAMILY.fields(event)
            except PeerError:
                assert event.kind is Kind.REPORT  # the checksum is right, its records do not add up


@hypothesis_settings(max_examples=150, deadline=None)
@given(st.binary(max_size=120), st.booleans())
def test_any_bytes_are_messages_or_peer_errors(data: bytes, datagram: bool) -> None:
    head = bytes.fromhex("003dcafe0105000f333532303933303836343033363535") if datagram else b""
    for transport in (Transport.TCP, Transport.UDP):
        for event in (*FAMILY.stream(transport).feed(head + data), *FAMILY.server(data)):
            assert isinstance(event, Message | PeerError)
    FAMILY.recognise(data)
    assert len(FAMILY.normalise(data)) == len(data)


@pytest.mark.parametrize("length", [0, 2, 65536, 2**31 - 1, 2**31, 2**32 - 1])
def test_lengths_beyond_bounds_are_refused_at_the_header(length: int) -> None:
    stream = FAMILY.stream()
    (event,) = stream.feed(bytes(4) + length.to_bytes(4, "big") + b"\x08\1" + b"z" * 100)
    assert isinstance(event, PeerError)
    assert stream.buffered == 0
    assert [m.kind for m in stream.feed(raw("login-wiki")) if isinstance(m, Message)] == [Kind.LOGIN]


def test_a_long_frame_is_awaited_within_bounds() -> None:
    stream = FAMILY.stream()
    stream.feed(bytes(4) + (65535).to_bytes(4, "big") + b"\x08\1")
    events: list[Event] = []
    for _ in range(70):
        events += stream.feed(b"z" * 1000)
        assert stream.buffered <= FAMILY.limits.max_frame
    assert all(isinstance(event, PeerError) for event in events)
    assert events


def test_datagrams_stand_alone() -> None:
    whole = raw("avl-udp-codec8-wiki")
    stream = FAMILY.stream(Transport.UDP)
    for bad in (whole[:-1], whole + b"\0", whole[:4] + b"\2" + whole[5:], b"\0\x0f", raw("login-wiki"), whole[:8]):
        (event,) = stream.feed(bad)
        assert isinstance(event, PeerError)
    assert stream.buffered == 0
    assert stream.device_id is None


def test_recognition_waits_and_refuses() -> None:
    assert FAMILY.recognise(b"") is None
    assert FAMILY.recognise(b"\xff\xff") is None
    assert FAMILY.recognise(raw("login-wiki")[:6]) is None
    assert FAMILY.recognise(b"\xff" + raw("login-wiki")) is True
    for other in (b"GET / HTTP/1.1", b"\x78\x78\x0d\x01", b"\x16\x03\x01", b"SSH-2.0", b"\r\n\r\n", b"\0\x0fabc"):
        assert FAMILY.recognise(other) is False


def test_refusal_normalising_and_renaming() -> None:
    assert FAMILY.refuse(one(raw("login-wiki"))) == b"\0"
    assert FAMILY.refuse(one(raw("avl-codec8-wiki-1"))) == b""
    blank = FAMILY.normalise(raw("avl-codec8-wiki-3-two-records"))
    assert blank.hex() == CASES["avl-codec8-wiki-3-two-records"]["data"].replace("0000016b40d57b48", "0" * 16).replace(
        "0000016b40d5c198", "0" * 16
    ).replace("0000252c", "0" * 8)
    new = "123456789012345"
    login = FAMILY.rename(raw("login-wiki"), "356307042441013", new)
    assert FAMILY.fields(one(login))["imei"] == new
    answer = FAMILY.rename(raw("c14-response-getver"), IMEI, new)
    assert new in FAMILY.fields(one(answer))["text"]
    assert FAMILY.fields(one(answer))["imei"] == new
    assert FAMILY.rename(raw("avl-codec8-wiki-1"), IMEI, new) == raw("avl-codec8-wiki-1")


# -- what fits -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("variant", "field", "bad", "good"),
    [
        ("fmb", "tracking_angle", [181, 255, -1], [0, 180]),
        ("old_fm", "tracking_angle", [181], [10]),
        ("fmb", "tracking_distance", [65536], [65535]),
        ("fmx640", "tracking_interval", [2592001], [2592000]),
        ("fmx640", "sleep_timeout", [301, 59, 180060, 2592000, 0], [60, 300, 180000]),
    ],
)
def test_values_that_do_not_fit_are_refused(variant: str, field: str, bad: list[int], good: list[int]) -> None:
    for value in bad:
        asked = {**ASKED[variant], field: value}
        assert problems(variant, asked)[field].severity is Severity.REFUSE
        with pytest.raises(LocalError) as caught:
            FAMILY.apply(target(variant), asked)
        assert caught.value.parameter == field
    for value in good:
        assert field not in problems(variant, {**ASKED[variant], field: value})


def test_what_a_variant_cannot_carry_is_told_whatever_its_value() -> None:
    assert set(problems("fm6", TELFM5X)) == set(TELFM5X) - {"sleep_mode"}
    assert set(problems("fm6", TELFM5X, experimental=True)) == {"sleep_timeout"}
    assert problems("fmb", TELFM) == problems("old_fm", TELFM) == problems("fmx640", TELFM5X) == {}
    udp = problems("fmb", TELFM, transport=Transport.UDP)
    assert set(udp) == set(TELFM)
    assert {problem.severity for problem in (*udp.values(), *problems("fm6", TELFM5X).values())} == {
        Severity.UNSUPPORTED
    }
    assert {c.best for c in FAMILY.capabilities(target("fmb")).values()} == {Strength.READ_BACK}


def test_raw_commands_that_cannot_be_carried() -> None:
    for bad in ("", "caf\u00e9", "getver\r\n", "x" * 1253):
        with pytest.raises(LocalError):
            FAMILY.raw(target("fmb"), bad)
    with pytest.raises(LocalError):
        FAMILY.raw(target("fmb", transport=Transport.UDP), "getver")
    with pytest.raises(LocalError):
        FAMILY.check(target("fmb", options={"command_codec": 13}), TELFM)


def test_raw_replies_belong_to_the_command() -> None:
    from tracker_codecs.contract import Match

    info, serial = one(raw("c12-response-getinfo")), one(raw("c12-response-serial-text-1"))
    assert FAMILY.raw(target("fmb"), "getinfo").match(info) is Match.DONE
    assert FAMILY.raw(target("fmb"), "getparam 2001").match(serial) is Match.NO
    assert FAMILY.raw(target("fmb"), "setparam 1550 60").match(reply("Param ID:1550 New Val:60")) is Match.DONE
    assert FAMILY.raw(target("fmb"), "setparam 1550 60").match(reply("Param ID:1550 New Val:30")) is Match.NO
    assert FAMILY.raw(target("fmb"), "getver").match(one(raw("c14-response-getver"))) is Match.DONE
    assert FAMILY.raw(target("fmb", options={"command_codec": 14}), "getver").match(one(raw("c14-nack"))) is (
        Match.REFUSED
    )
    assert FAMILY.raw(target("fmb"), "getver").match(reply("Ver:1", 0x0E, "123456789012345")) is Match.NO


#: Eleven codec 8 records with a fifth group, of 16-byte values, that is empty; and a record where it holds one, from a
#: longer packet. Both of the public decoder's test (traccar/traccar TeltonikaProtocolDecoderTest, "extended").
FIVE_GROUPS = bytes.fromhex(
    "0000000000000158080b0000015d4b4dc07a00d5dbd13eec04324e020e0000120000000000000000000000015d4b4cd5e800"
    "d5dbd13eec04324e020e0000120000000000000000000000015d4b4beb8800d5dbd13eec04324e020e000013000000000000"
    "0000000000015d4b4b012800d5dbd13eec04324e020e0000120000000000000000000000015d4b4a16c800d5dbd13eec0432"
    "4e020f0000110000000000000000000000015d4b492c6800d5dbd13eec04324e020f0000110000000000000000000000015d"
    "4b48420800d5dbd13eec04324e020f0000120000000000000000000000015d4b4757a800d5dbd13eec04324e020f00000f00"
    "00000000000000000000015d4b466d4800d5dbd13eec04324e020f0000100000000000000000000000015d4b4582e800d5db"
    "d13eec04324e020f0000110000000000000000000000015d4b44988800d5dbd13eec04324e020f0000110000000000000000"
    "000b0000ec10"
)
WIDE = bytes.fromhex(
    "0000015ab5642a8800d5db1769ec01d70a020a00e3040004000e0501010200030004006000060900100a00010b0000130000"
    "422f1318000302c700000000f7000000000001cb00000000000000000000000000000000"
)


def test_codec_8_records_with_a_fifth_group() -> None:
    message = one(FIVE_GROUPS)
    assert (message.checksum, message.owed) == (Checksum.OK, bytes.fromhex("0000000b"))
    told = FAMILY.fields(message)["records"]
    assert len(told) == 11
    assert {(record["longitude"], record["latitude"]) for record in told} == {(-70.7014338, -33.5269298)}
    normal = FAMILY.normalise(FIVE_GROUPS)
    assert [normal[at : at + 8] for at in range(10, 10 + 11 * 31, 31)] == [bytes(8)] * 11


def test_16_byte_values_are_told() -> None:
    message = one(wire.seal(b"\x08\1" + WIDE + b"\1"))
    (told,) = FAMILY.fields(message)["records"]
    assert (told["utc"], told["satellites"], told["io_total"]) == ("2017-03-09T23:25:25.000Z", 4, 14)
    assert (told["io"]["66"], told["io"]["203"]) == (0x2F13, "0" * 32)
    assert len(told["io"]) == told["io_total"]
