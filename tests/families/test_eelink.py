"""Eelink: recorded packages and datagrams, commands, and the traps of the wire."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tracker_codecs.contract import (
    Checksum,
    Kind,
    Match,
    Message,
    Purpose,
    Transport,
)
from tracker_codecs.drive import against_nobody
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.eelink.family import FAMILY
from tracker_codecs.families.eelink.frame import command as build
from tracker_codecs.families.eelink.frame import envelope

from tests.families.eelink_facts import (
    CASES,
    COLLECT,
    DEVICE,
    IMEI,
    SERVER,
    answer,
    link,
    one,
    raw,
    target,
)


# -- packages --
def test_every_case_is_tested_one_way() -> None:
    assert len(DEVICE) + len(SERVER) + 2 == len(CASES) == 21


@pytest.mark.parametrize("name", DEVICE)
def test_device_package(name: str) -> None:
    means = CASES[name]["means"]
    stream = FAMILY.stream(link(name), clock=lambda: datetime(2020, 4, 9, 7, 58, 30, tzinfo=UTC))
    (message,) = stream.feed(raw(name))
    assert isinstance(message, Message)
    found = FAMILY.fields(message)
    for key in means.keys() - {"server_owes"}:
        assert found[key] == means[key], key
    if "server_owes" in means:
        assert message.owed == bytes.fromhex(means["server_owes"] or "")
    kinds = {"login": Kind.LOGIN, "heartbeat": Kind.HEARTBEAT, "command_reply": Kind.REPLY}
    assert message.kind is kinds.get(means["message"], Kind.REPORT)
    assert message.device_id == stream.device_id == means.get("imei")
    assert message.text == (means["text"] if means["message"] == "command_reply" else "")
    assert message.checksum is (Checksum.OK if link(name) is Transport.UDP else Checksum.NONE)


@pytest.mark.parametrize("name", SERVER)
def test_server_package(name: str) -> None:
    (message,) = FAMILY.server(raw(name))
    assert isinstance(message, Message)
    found = FAMILY.fields(message)
    means = CASES[name]["means"]
    assert {key: found[key] for key in means} == means


def test_a_login_is_answered_in_the_form_of_its_version() -> None:
    assert one(raw("login-v1")).owed == bytes.fromhex("67670100020026")
    clock = lambda: datetime(2020, 4, 9, 7, 58, 30, tzinfo=UTC)  # noqa: E731  # the time of login-reply-built
    longer = b"gg\x01\0\x0d\0\x07" + raw("login-v1")[7:] + b"\x02"
    (message,) = FAMILY.stream(clock=clock).feed(longer)
    assert isinstance(message, Message)
    assert message.owed == raw("login-reply-built")
    (login,) = FAMILY.stream(Transport.UDP, clock=clock).feed(raw("login-udp-v2"))
    assert isinstance(login, Message)
    inner = bytes.fromhex("67670100090002") + raw("login-reply-built")[7:]
    assert login.owed == envelope("352544071677471", inner)


def test_places_are_where_the_recorded_packages_were_taken() -> None:
    """Durban, Surat and Shenzhen."""
    for name, place in (("gps-02", (-29.6, 30.4)), ("loc-12", (21.2, 72.8)), ("loc-udp", (22.6, 113.9))):
        found = FAMILY.fields(one(raw(name), link(name)))
        assert (round(found["latitude"], 1), round(found["longitude"], 1), found["valid"]) == (*place, True)


def test_only_the_login_names_the_unit_and_packages_may_share_a_segment() -> None:
    events = FAMILY.stream().feed(raw("hb") + raw("login-v1") + raw("hb") + raw("gps-02"))
    assert [e.device_id for e in events if isinstance(e, Message)] == [None, IMEI, IMEI, IMEI]
    (fault,) = FAMILY.stream().feed(b"gg\x01\0\x0c\0\1" + bytes.fromhex("354188048612829f") + b"\x01\x20")
    assert isinstance(fault, PeerError)


def test_a_datagram_is_answered_in_one_and_taken_whole_or_not_at_all() -> None:
    data = raw("loc-udp")
    assert one(data, Transport.UDP).owed == envelope("352544071677471", bytes.fromhex("67671200020021"))
    for bit in range(8 * len(data)):
        broken = bytearray(data)
        broken[bit // 8] ^= 1 << bit % 8
        (fault,) = FAMILY.stream(Transport.UDP).feed(bytes(broken))
        assert isinstance(fault, PeerError)
    for cut in (data[:-1], data + b"\0", b"", b"gg", raw("hb")):
        stream = FAMILY.stream(Transport.UDP)
        assert [type(event) for event in stream.feed(cut)] == [PeerError]
        assert stream.buffered == 0
    two = envelope("352544071677471", raw("hb") + raw("hb-3"))
    messages = FAMILY.stream(Transport.UDP).feed(two)
    assert [(e.kind, e.device_id) for e in messages if isinstance(e, Message)] == [
        (Kind.HEARTBEAT, "352544071677471")
    ] * 2


def test_garbage_is_told_once_and_the_next_package_is_found() -> None:
    for dirt in (b"GET / HTTP/1.1\r\n\r\n", b"gg\x03\0\0\0\0", b"gg\x55\0\x04zz", b"gg\x03\xff\xff", bytes(50)):
        events = FAMILY.stream().feed(dirt + raw("login-v1") + raw("hb"))
        assert [type(event) for event in events] == [PeerError, Message, Message]


def test_recognition() -> None:
    for name in DEVICE:
        assert FAMILY.recognise(raw(name)) is True
        assert FAMILY.recognise(raw(name)[:4]) is None
    for other in (b"gg\x03\0\0", b"gg\x55\0\x04", b"EL\0\x03\0", b"Elephant", b"xx\x0d\x01\x01"):
        assert FAMILY.recognise(other) is False


def test_contents_that_end_too_early_are_the_peers_fault() -> None:
    for number in (0x02, 0x04, 0x05, 0x12, 0x14, 0x15):
        with pytest.raises(PeerError):
            FAMILY.fields(one(b"gg%c\0\x06\0\1\xff\xff\xff\xff" % number))


def test_ids_are_replaced_and_what_varies_is_blanked() -> None:
    new = "123456789012345"
    (event,) = FAMILY.stream(Transport.UDP).feed(FAMILY.rename(raw("login-udp-v2"), "352544071677471", new))
    assert isinstance(event, Message)
    assert (event.kind, event.device_id) == (Kind.LOGIN, new)
    assert one(FAMILY.rename(raw("login-v1"), IMEI, new)).device_id == new
    assert FAMILY.rename(raw("hb"), IMEI, new) == raw("hb")
    assert FAMILY.normalise(raw("cmd-timer-built")) == bytes.fromhex("67678000100000010000000054494d45522c363023")
    assert FAMILY.normalise(raw("login-reply-built")) == bytes.fromhex("676701000900070000000000" + "0100")
    assert FAMILY.normalise(raw("cmd-relay-udp"))[4:6] == b"\0\0"


# -- commands --
def test_commands_are_framed_as_published() -> None:
    for name in ("cmd-relay", "cmd-collect-built", "cmd-collect-query-built", "cmd-timer-built"):
        means = CASES[name]["means"]
        assert build(means["text"], int(means["server_flag"], 16), means["serial"]) == raw(name)
    assert envelope("123456789012345", raw("cmd-relay")) == raw("cmd-relay-udp")
    timer = against_nobody(FAMILY.apply(target("v1"), {"tracking_interval": 60}))[0][0].command
    assert FAMILY.normalise(timer.payload) == FAMILY.normalise(raw("cmd-timer-built"))
    planned = [each.command for each in against_nobody(FAMILY.apply(target(), COLLECT))[0]]
    assert [FAMILY.normalise(each.payload) for each in planned[:2]] == [
        FAMILY.normalise(raw("cmd-collect-query-built")),
        FAMILY.normalise(raw("cmd-collect-built")),
    ]
    assert [each.purpose for each in planned] == [Purpose.READ, Purpose.WRITE, Purpose.READ_BACK]
    over_udp = next(FAMILY.apply(target(transport=Transport.UDP), COLLECT))
    assert over_udp.payload == envelope(IMEI, planned[0].payload)


def test_an_operator_s_own_commands() -> None:
    command = FAMILY.raw(target(), "RELAY,1#")
    assert FAMILY.normalise(command.payload) == FAMILY.normalise(raw("cmd-relay"))
    assert FAMILY.raw(target(), raw("cmd-relay")).payload == raw("cmd-relay")
    (sent_one,) = FAMILY.server(command.payload)
    assert isinstance(sent_one, Message)
    assert command.match(answer(sent_one.data.uid, "whatever")) is Match.DONE
    assert command.match(answer(0, "whatever")) is Match.NO
    for bad in ("", "a" * 201, "RELAY\r\n", "Ö", b""):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), bad)
