"""Packet captures: real ones as tshark reads them, and hand-built ones with every oddity, expected values by hand."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from tracker_gateway.recording.capture import ACK, FIN, RST, SYN, CaptureError, packets, segments
from tracker_gateway.recording.dialogue import Dialogue, load
from tracker_gateway.recording.flows import Connection, Said
from tracker_gateway.replay.embedded import replay

from tests.gateway.cli_runner import tg

CAPTURES = Path(__file__).parents[1] / "captures"
#: GT06: the login printed in the Concox protocol v1.8.1 with another IMEI, and the answer printed there.
LOGIN, ANSWER = bytes.fromhex("78780d0103563070424410130001d4a90d0a"), bytes.fromhex("787805010001d9dc0d0a")


# -- real captures ---------------------------------------------------------------------------------------------------
def told(dialogue: Dialogue) -> list[tuple[str, str]]:
    """Who said what, as hexadecimal."""
    return [
        ("device" if step.device is not None else "gateway", dialogue.bytes_of(step.device or step.gateway or "").hex())
        for step in dialogue.steps
        if step.do is None
    ]


def as_tshark_reads(name: str) -> list[tuple[str, str]]:
    return [(who, data) for who, data in (line.split() for line in (CAPTURES / name).read_text().splitlines())]


async def test_a_tcp_capture_of_tcpdump_says_what_tshark_reads(tmp_path: Path) -> None:
    result = tg(
        *("import-pcap", str(CAPTURES / "teltonika-tcp.pcap"), "--port", "43501", "--codec", "teltonika"),
        *("--model", "telfmb920", "-o", str(tmp_path)),
    )
    assert (result.code, result.err) == (0, "")
    dialogue = load(Path(result.out.strip()))
    assert (dialogue.device_id, dialogue.model, dialogue.transport.value) == ("356307042441013", "telfmb920", "tcp")
    assert told(dialogue) == as_tshark_reads("teltonika-tcp.txt")
    assert dialogue.steps[0].at == pytest.approx(0.000588)
    # The gateway's commands are those an operator could have sent: so the capture of another gateway can be replayed.
    first = next(each.do.raw_hex for each in dialogue.steps if each.do is not None)
    assert first == "000000000000000e0c010500000006676574766572010000a4c2"
    replayed = await replay(dialogue)
    assert replayed.ok, replayed.problem
    assert replayed.compared == 13


async def test_a_udp_capture_of_dumpcap_says_what_tshark_reads(tmp_path: Path) -> None:
    result = tg(
        *("import-pcap", str(CAPTURES / "queclink-udp.pcapng"), "--port", "47514", "--codec", "queclink"),
        *("--transport", "udp", "--model", "gl300", "-o", str(tmp_path)),
    )
    assert (result.code, result.err) == (0, "")
    dialogue = load(Path(result.out.strip()))
    assert told(dialogue) == as_tshark_reads("queclink-udp.txt")
    replayed = await replay(dialogue)
    assert replayed.ok, replayed.problem


def test_ids_and_masked_texts_of_a_capture_are_not_told(tmp_path: Path) -> None:
    result = tg(
        *("import-pcap", str(CAPTURES / "queclink-udp.pcapng"), "--port", "47514", "--codec", "queclink"),
        *("--transport", "udp", "--redact-ids", "--mask", "gl300", "-o", str(tmp_path)),
    )
    text = Path(result.out.strip()).read_text()
    assert "356307042441013" not in text + result.out
    assert "gl300" not in text
    assert "AT+GTRTO=00000,2,FRI,,,,,0020$" in text


def test_the_wrong_port_and_transport_are_told(tmp_path: Path) -> None:
    capture = str(CAPTURES / "teltonika-tcp.pcap")
    result = tg("import-pcap", capture, "--port", "5", "--codec", "teltonika", "-o", str(tmp_path))
    assert (result.code, "nothing goes from or to tcp port 5" in result.err) == (1, True)
    result = tg("import-pcap", capture, "--port", "43501", "--codec", "teltonika", "--transport", "udp")
    assert (result.code, "35 packets of that port are tcp (--transport tcp)" in result.err) == (1, True)
    result = tg("import-pcap", capture, "--port", "43501", "--codec", "gt06", "-o", str(tmp_path))
    assert (result.code, "no dialogue of gt06 in it" in result.err) == (1, True)


# -- files, by hand --------------------------------------------------------------------------------------------------
def ipv4(payload: bytes, protocol: int, *, place: int = 0) -> bytes:
    """Version 4, no options; `place`: flags and fragment offset."""
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 7, place, 64, protocol, 0)
    return head + bytes((10, 0, 0, 1)) + bytes((10, 0, 0, 2)) + payload


def ipv6(payload: bytes, protocol: int) -> bytes:
    address = bytes.fromhex("fd00" + "00" * 13)
    return struct.pack(">IHBB", 6 << 28, len(payload), protocol, 64) + address + b"\1" + address + b"\2" + payload


def udp(payload: bytes) -> bytes:
    return struct.pack(">HHHH", 40000, 5023, 8 + len(payload), 0) + payload


def pcap(packets: Sequence[bytes], link: int, *, magic: str = "d4c3b2a1", order: str = "<") -> bytes:
    """Packet n at 1,000,000 + n s and 500 parts."""
    head = bytes.fromhex(magic) + struct.pack(order + "HHiIII", 2, 4, 0, 0, 65535, link)
    records = (
        struct.pack(order + "IIII", 1_000_000 + number, 500, len(data), len(data)) + data
        for number, data in enumerate(packets)
    )
    return head + b"".join(records)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def section(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def heard(data: bytes) -> list[tuple[float, bytes]]:
    return [(each.time, each.payload) for each in segments(io.BytesIO(data), 5023)]


@pytest.mark.parametrize(
    ("link", "frame"),
    [
        (1, bytes(12) + b"\x08\x00"),
        (1, bytes(12) + b"\x81\x00\x00\x05\x08\x00"),
        (1, bytes(12) + b"\x88\xa8\x00\x07\x81\x00\x00\x05\x08\x00"),
        (113, bytes(14) + b"\x08\x00"),
        (276, b"\x08\x00" + bytes(18)),
        (101, b""),
        (228, b""),
        (0, b"\x02\0\0\0"),
        (0, b"\0\0\0\x02"),
        (108, b"\0\0\0\x02"),
    ],
)
def test_every_link_type_leads_to_the_datagram(link: int, frame: bytes) -> None:
    padding = b"\0" * 18  # Ethernet pads short frames; IP says where the datagram ends
    assert heard(pcap([frame + ipv4(udp(b"hello"), 17) + padding], link)) == [(1_000_000.0005, b"hello")]


@pytest.mark.parametrize(
    ("link", "frame"), [(1, bytes(12) + b"\x86\xdd"), (276, b"\x86\xdd" + bytes(18)), (229, b""), (0, b"\x1e\0\0\0")]
)
def test_ipv6_with_and_without_extension_headers(link: int, frame: bytes) -> None:
    plain = ipv6(udp(b"six"), 17)
    extended = ipv6(b"\x3c\0" + bytes(6) + b"\x11\1" + bytes(14) + udp(b"ext"), 0)  # hop-by-hop, destination options
    whole = ipv6(b"\x11\0\0\0\0\0\0\x09" + udp(b"one"), 44)  # a fragment header of a whole datagram
    payloads = [payload for _, payload in heard(pcap([frame + each for each in (plain, extended, whole)], link))]
    assert payloads == [b"six", b"ext", b"one"]


@pytest.mark.parametrize(
    ("magic", "order", "part"),
    [("d4c3b2a1", "<", 1e-6), ("a1b2c3d4", ">", 1e-6), ("4d3cb2a1", "<", 1e-9), ("a1b23c4d", ">", 1e-9)],
)
def test_byte_orders_and_time_units_of_pcap(magic: str, order: str, part: float) -> None:
    found = heard(pcap([ipv4(udp(b"a"), 17)] * 2, 101, magic=magic, order=order))
    assert [time for time, _ in found] == pytest.approx([1_000_000 + 500 * part, 1_000_001 + 500 * part], abs=1e-10)


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng_with_sections_interfaces_and_time_units(order: str) -> None:
    packet = ipv4(udp(b"a"), 17)
    nano = struct.pack(order + "HHI", 101, 0, 0) + struct.pack(order + "HHB3x", 9, 1, 9)
    binary = struct.pack(order + "HHI", 228, 0, 0) + struct.pack(order + "HHB3x", 9, 1, 0x8A)  # 2^-10 s
    binary += struct.pack(order + "HHq", 14, 8, 100)  # 100 s later
    plain = struct.pack(order + "HHI", 101, 0, 0)

    def enhanced(interface: int, ticks: int) -> bytes:
        sizes = struct.pack(order + "IIIII", interface, ticks >> 32, ticks & 0xFFFFFFFF, len(packet), len(packet))
        return block(6, sizes + packet, order)

    old = block(2, struct.pack(order + "HHIIII", 0, 0, 0, 3_000_000, len(packet), len(packet)) + packet, order)
    simple = block(3, struct.pack(order + "I", len(packet)) + packet, order)
    data = b"".join(
        (
            section(order) + block(1, nano, order) + block(1, binary, order),
            enhanced(0, 5_000_000_001) + block(5, b"\0" * 8, order) + enhanced(1, 2048),
            section(order) + block(1, plain, order) + old + simple,
        )
    )
    assert [time for time, _ in heard(data)] == pytest.approx([5.000000001, 102.0, 3.0, 0.0], abs=1e-10)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is no pcap or pcapng file"),
        (b"\x1f\x8b\x08\x00", "begins with 1f8b0800"),
        (pcap([b"x"], 105), "link type 105 is not known"),
        (pcap([ipv4(udp(b"a"), 17)], 101)[:-1], "the file ends inside packet 1"),
        (pcap([b"x", b"y"], 101)[:-5], "the file ends inside packet 2"),
        (pcap([], 101)[:20], "the file ends inside its header"),
        (pcap([], 101) + struct.pack("<IIII", 0, 0, 1 << 31, 0), "packet 1 claims 2147483648 bytes"),
        (pcap([ipv4(udp(b"a"), 17, place=0x2000)], 101), "a fragmented IP datagram of port 5023"),
        (pcap([ipv6(b"\x11\0\0\1\0\0\0\x09" + udp(b"a"), 44)], 101), "a fragmented IP datagram of port 5023"),
        (section()[:-4] + b"\0\0\0\0", "its two lengths differ"),
        (section() + struct.pack("<II", 1, 13), "block 2 claims 13 bytes"),
        (section() + struct.pack("<II", 6, 0x7FFFFFFC), "block 2 claims"),
        (section() + block(6, bytes(20)), "block 2 is damaged"),
        (b"\x0a\x0d\x0d\x0a" + bytes(8), "no byte order mark"),
    ],
)
def test_damage_is_told_in_words(data: bytes, reason: str) -> None:
    with pytest.raises(CaptureError, match=reason):
        heard(data)


def test_later_fragments_and_other_ports_are_nobody_s() -> None:
    other = struct.pack(">HHHH", 40000, 5024, 9, 0) + b"x"
    tiny = [b"", b"\x45", b"\x60" + bytes(20), ipv4(b"\0\0", 17), ipv4(udp(b"")[:4], 6), ipv4(b"icmp" * 3, 1)]
    assert heard(pcap([ipv4(udp(b"a"), 17, place=0x0001), ipv4(other, 17), *tiny], 101)) == []


def test_any_cut_and_any_flipped_byte_of_a_real_capture_is_no_crash() -> None:
    for name, port in (("teltonika-tcp.pcap", 43501), ("queclink-udp.pcapng", 47514)):
        whole = (CAPTURES / name).read_bytes()
        damaged = [whole[:cut] for cut in range(0, len(whole), 7)]
        damaged += [whole[:at] + bytes((whole[at] ^ 0xFF,)) + whole[at + 1 :] for at in range(0, len(whole), 5)]
        ends = 0
        for data in damaged:
            try:
                list(segments(io.BytesIO(data), port))
            except CaptureError:
                ends += 1
        assert 0 < ends < len(damaged)
    assert len(list(packets(io.BytesIO(whole)))) == 27


# -- connections, by hand --------------------------------------------------------------------------------------------
def tcp(device: bool, seq: int, payload: bytes = b"", *, ack: int = -1, flags: int = 0, source: int = 40000) -> bytes:
    """A segment in an IPv4 packet of link type 101; `source` is the device's port."""
    ports = (source, 5023) if device else (5023, source)
    flags |= ACK if ack >= 0 else 0
    head = struct.pack(">HHIIBBHHH", *ports, seq & 0xFFFFFFFF, max(0, ack) & 0xFFFFFFFF, 0x50, flags, 1000, 0, 0)
    packet = ipv4(head + payload, 6)
    return packet if device else packet[:12] + packet[16:20] + packet[12:16] + packet[20:]


def follow(found: Iterable[bytes]) -> tuple[str, Connection]:
    """What one connection says, `>` from the device and `<` to it."""
    said: list[str] = []

    def say(each: Said) -> None:
        said.append((">" if each.device else "<") + each.data.decode())

    connection = Connection(say)
    for segment in segments(io.BytesIO(pcap(list(found), 101)), 5023):
        connection.add(segment, device=segment.target[1] == 5023)
    connection.end()
    return " ".join(said), connection


SYNS = [tcp(True, 99, flags=SYN), tcp(False, 499, ack=100, flags=SYN)]


@pytest.mark.parametrize(
    ("found", "said", "cut"),
    [
        ([tcp(True, 100, b"abc"), tcp(False, 500, b"OK", ack=103)], ">abc <OK", ""),
        # out of order, and what the gateway said meanwhile comes after what was late
        ([tcp(True, 103, b"def"), tcp(False, 500, b"?", ack=100), tcp(True, 100, b"abc")], "<? >abcdef", ""),
        # retransmitted whole, in part with more behind, and with other bytes: what came first counts
        ([tcp(True, 100, b"abc"), tcp(True, 100, b"abc"), tcp(True, 101, b"XXd")], ">abc >d", ""),
        ([tcp(True, 104, b"ef"), tcp(True, 102, b"cdE"), tcp(True, 100, b"ab")], ">abcdEf", ""),
        # a keep-alive probe repeats the last byte
        ([tcp(True, 100, b"abc"), tcp(True, 102, b"c"), tcp(True, 103, b"d")], ">abc >d", ""),
        # lost: 3 bytes of the device, then one of the gateway
        (
            [tcp(True, 100, b"abc"), tcp(True, 106, b"ghi", ack=500), tcp(False, 500, b"OK", ack=109)],
            ">abc",
            "3 bytes of the device are missing after its first 3; the dialogue ends there",
        ),
        (
            [tcp(True, 100, b"abc"), tcp(True, 103, b"d", ack=501)],
            ">abc",
            "1 bytes of the gateway are missing after its first 0; the dialogue ends there",
        ),
        # acknowledged, but not in the capture, and nothing follows
        (
            [tcp(True, 100, b"abc"), tcp(False, 500, ack=110)],
            ">abc",
            "7 bytes of the device are missing after its first 3; the dialogue ends there",
        ),
        # the mark of the end counts as one byte in acknowledgements
        (
            [tcp(True, 100, b"a", flags=FIN), tcp(False, 500, b"z", ack=102, flags=FIN), tcp(True, 102, ack=502)],
            ">a <z",
            "",
        ),
        ([tcp(True, 100, b"a"), tcp(False, 500, ack=102)], ">a", ""),
        ([tcp(True, 100, b"a", flags=RST)], ">a", ""),
    ],
)
def test_a_connection_is_put_together(found: list[bytes], said: str, cut: str) -> None:
    text, connection = follow([*SYNS, *found])
    assert (text, connection.cut) == (said, cut)


def test_sequence_numbers_begin_anew_after_their_largest() -> None:
    start = 0xFFFFFFFE
    found = [tcp(True, start - 1, flags=SYN), tcp(True, start + 3, b"de"), tcp(True, start, b"abc")]
    text, connection = follow(found)
    assert (text, connection.cut) == (">abcde", "")


def test_a_capture_that_begins_inside_a_connection() -> None:
    text, connection = follow([tcp(False, 500, b"hi", ack=100), tcp(True, 100, b"a", ack=502), tcp(True, 90, b"old")])
    assert (text, connection.cut, connection.note) == ("<hi >a", "", "the capture begins inside the connection")


def test_what_waits_behind_a_gap_is_bounded() -> None:
    found = [*SYNS, tcp(True, 100, b"a"), *(tcp(True, 200 + 60_000 * n, b"x" * 60_000) for n in range(20))]
    text, connection = follow(found)
    assert (text, connection.cut[:9]) == (">a", "99 bytes ")


# -- whole imports ---------------------------------------------------------------------------------------------------
def imported(tmp_path: Path, data: bytes, *more: str) -> tuple[list[Dialogue], str, int]:
    path = tmp_path / "c.pcap"
    path.write_bytes(data)
    result = tg("import-pcap", str(path), "--port", "5023", "--codec", "gt06", "-o", str(tmp_path / "out"), *more)
    return [load(Path(line)) for line in result.out.splitlines()], result.err, result.code


async def test_connections_are_told_apart_and_the_dialogue_replays(tmp_path: Path) -> None:
    """Two devices at once, then one of them again from the same port."""
    again = [tcp(True, 9_000, flags=SYN), tcp(True, 9_001, LOGIN), tcp(False, 700_001, ANSWER, ack=9_019)]
    found = [
        *SYNS,
        tcp(True, 5_000, flags=SYN, source=41000),
        tcp(True, 100, LOGIN[:7]),
        tcp(True, 5_001, LOGIN, source=41000),
        tcp(True, 107, LOGIN[7:]),
        tcp(False, 500, ANSWER, ack=118),
        tcp(False, 300, ANSWER, ack=5_019, source=41000),
        *again,
    ]
    dialogues, problems, code = imported(tmp_path, pcap(found, 101), "--model", "concox_x3")
    assert code == 0
    assert "begins inside" not in problems
    assert [told(each) for each in dialogues] == [[("device", LOGIN.hex()), ("gateway", ANSWER.hex())]] * 3
    # The second was the first that said who it is; each counts from its own first packet.
    assert [each.steps[1].at for each in dialogues] == [5.0, 6.0, 2.0]
    result = await replay(dialogues[0])
    assert result.ok, result.problem


def test_lost_bytes_end_the_dialogue_and_are_told(tmp_path: Path) -> None:
    found = [
        *SYNS,
        tcp(True, 100, LOGIN),
        tcp(False, 500, ANSWER, ack=118),
        tcp(True, 128, b"late"),
        tcp(False, 510, b"x"),
    ]
    dialogues, problems, code = imported(tmp_path, pcap(found, 101))
    assert code == 0
    assert [told(each) for each in dialogues] == [[("device", LOGIN.hex()), ("gateway", ANSWER.hex())]]
    assert "10 bytes of the device are missing after its first 18; the dialogue ends there" in problems


def test_a_snap_length_is_lost_bytes_too(tmp_path: Path) -> None:
    cut = tcp(True, 118, bytes(100))[:60]
    dialogues, problems, _ = imported(tmp_path, pcap([*SYNS, tcp(True, 100, LOGIN), cut, tcp(True, 218, b"x")], 101))
    assert "80 bytes of the device are missing after its first 38" in problems
    assert b"".join(bytes.fromhex(data) for _, data in told(dialogues[0])) == LOGIN + bytes(20)


def test_a_damaged_capture_gives_what_came_before(tmp_path: Path) -> None:
    dialogues, problems, code = imported(tmp_path, pcap([*SYNS, tcp(True, 100, LOGIN), b"x"], 101)[:-1])
    assert (len(dialogues), code) == (1, 1)
    assert "the file ends inside packet 4; 1 dialogues before it" in problems
