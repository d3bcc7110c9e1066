"""Sections of the configuration: names and counts of their fields, and the command text that carries them.

A section's fields are, in this order, those of its command between password and serial, and those of its report.
Sources: GL300 @Tracker Air Interface Protocol R1.02 (TRACGL300AN001) and a real GTALL report of a GL100M (FRI 19,
NMD 13, CFG 20 fields); GV500MAP text TRACGV500MAPAN001 R1.00 as quoted by a public parser, denself/queclink_handler, a
public Arduino sketch for GV55 (FRI 17, CFG 20 or 21); the Cumulocity tracker agent (GBC 22, NMD 8 on GL50x); a real
GTALL report of a GL500 (GBC, 20 with the trailing reserved fields dropped); GL100 @Track Air Interface Protocol
(TRACGL100AN002) for GTTRI and GTSFR.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any

from construct import Bytes, Const, GreedyBytes, If, Int8ub, Int16ub, Struct, this

#: Documented number of fields between password and serial, by variant. A reading of the unit goes before.
COUNTS: Mapping[str, Mapping[str, int]] = {
    "gl200": {"FRI": 19, "CFG": 20, "NMD": 13},
    "gl500": {"GBC": 21},
    "gv500": {"FRI": 17, "CFG": 20},
    "gv55lite": {"FRI": 17, "CFG": 20},
}

#: The order in which a report of everything names its sections (GL100M and GL500 reports).
SECTIONS = ("BSI", "SRI", "CFG", "GBC", "TMA", "NMD", "TMZ", "FRI", "GEO", "SPD", "FKS", "WLT", "GLM", "PIN", "DOG")

#: First two characters of the protocol version -> variant (Traccar's table; only what belongs to a variant here).
VERSIONS = {
    **dict.fromkeys(("02", "21", "1A", "30", "28", "2C"), "gl200"),
    **dict.fromkeys(("11", "40"), "gl500"),
    **dict.fromkeys(("1F", "36", "2D", "5E"), "gv500"),
    **dict.fromkeys(("10", "0F", "2F", "50"), "gv55lite"),
}
#: The GV500 family puts the VIN between unique id and device name, in reports.
VIN_VERSIONS = frozenset({"1F", "36", "2D", "5E"})

_FRI_GL = "mode discard_no_fix - - begin end check_interval_s send_interval_s - - report_mask distance_m mileage_m "
_FRI_GL += "movement_detect_mode movement_speed_kmh movement_distance_m movement_send_number corner_deg -"
_FRI_GV = "mode discard_no_fix - period_enable start end check_interval_s send_interval_s distance_m mileage_m - "
_FRI_GV += "corner_deg igf_interval_s eri_mask continue_time - wrap_corner_point"
_NMD_GL = "mode non_movement_duration_15s movement_duration_128ms movement_threshold rest_fix_interval_s "
_NMD_GL += "rest_send_interval_s"
_NMD_GL500 = "mode non_movement_duration_15s movement_duration_128ms movement_threshold rest_interval_min"
_CFG_GL = "new_password device_name odo_enable odo_initial gps_on_need gps_fix_delay_s report_item_mask - - event_mask "
_CFG_GL += "motion_sensor"
_CFG_GV = "new_password device_name odo_enable odo_initial odo_mode - report_item_mask power_saving_mode - event_mask"
_GBC = (
    "number device_name report_item_mask - - event_mask wakeup_time wakeup_interval_h - - - - field13_interval_min - "
)
_GBC += "field15_motion"
#: Old dialect, fields between password and send time.
OLD_NAMES = {
    "TRI": ("begin", "end", "send_interval_min", "fix_interval_s"),
    "SFR": (
        *("power_key", "function_key", "function_key_mode", "field4", "movement_detect_mode", "movement_speed_kmh"),
        *("movement_distance_m", "movement_send_number", "full_power_up"),
    ),
}
#: Names that stay text though they may look like numbers.
_TEXT_NAMES = {"begin", "end", "start", "eri_mask", "report_mask", "new_password", "device_name", "odo_initial"}
_TEXT_NAMES |= {"report_item_mask", "event_mask", "number", "wakeup_time"}
_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}").fullmatch


def names_of(section: str, count: int, password: str = "") -> tuple[str, ...]:
    """Field names of a section, `-` where unknown or reserved.

    FRI and NMD are told apart by their count. CFG has 20 fields in both lines, so its names follow the line that the
    password names (default passwords are model names); a report has no password.
    """
    if section == "FRI":
        return tuple((_FRI_GL if count >= 19 else _FRI_GV).split())
    if section == "NMD":
        return tuple((_NMD_GL500 if count <= 8 else _NMD_GL).split())
    if section == "CFG":
        return tuple((_CFG_GV if password.startswith("gv") else _CFG_GL).split())
    return tuple(_GBC.split()) if section == "GBC" else ()


def named(names: Sequence[str], values: Sequence[str]) -> dict[str, Any]:
    """Non-empty values by name; numbers as int where the text is a plain decimal one."""
    out: dict[str, Any] = {}
    for name, value in zip(names, values, strict=False):
        if name != "-" and value:
            out[name] = int(value) if _NUMBER(value) and name not in _TEXT_NAMES else value
    return out


def command_text(word: str, password: str, fields: Sequence[str], serial: int) -> str:
    """`AT+GTxxx=<password>,<field 1>,...,<field n>,<serial>$`: serial as four upper-case hex digits."""
    return f"AT+GT{word}={','.join((password, *fields, f'{serial & 0xFFFF:04X}'))}$"


def sparse(count: int, values: Mapping[int, str]) -> list[str]:
    """`count` fields, empty but for `values` (positions from 1). An empty field leaves the stored value unchanged."""
    fields = [""] * count
    for position, value in values.items():
        fields[position - 1] = value
    return fields


def split_sections(values: Sequence[str]) -> dict[str, list[str]]:
    """Sections of a report of everything (GTALL), where only their names separate them.

    A section whose name stands more than once, or out of order, is left out: a device name could read the same.
    """
    places = [(values.index(name), name) for name in SECTIONS if list(values).count(name) == 1]
    ordered = [place for number, place in enumerate(places) if all(place > other for other in places[:number])]
    if [place for place in ordered] != places:
        return {}
    marks = [*ordered, (len(values), "")]
    return {name: list(values[at + 1 : following]) for (at, name), (following, _) in itertools.pairwise(marks)}


#: HEX format acknowledgement (Boxon, and one recorded frame): the id stands where bit 4 of the mask is clear, else
#: the device name does. Checksum: CRC-16/CCITT-FALSE from offset 4 to the count number.
HexAck = Struct(
    "header" / Const(b"+ACK"),
    "message_type" / Int8ub,
    "mask" / Int8ub,
    "length" / Int8ub,
    "device_type" / Int8ub,
    "protocol_version" / Int16ub,
    "firmware_version" / Int16ub,
    "id_or_name" / Bytes(8),
    "sub" / Int8ub,
    "serial" / Int16ub,
    "year" / Int16ub,
    "time" / Bytes(5),
    "count" / Int16ub,
    "checksum" / Int16ub,
    "tail" / Const(b"\r\n"),
)
#: Message types of HEX acknowledgements for the commands used here (Boxon's table).
HEX_COMMANDS = {1: "SRI", 4: "CFG", 11: "FRI", 16: "RTO"}

#: New binary frame (one recorded frame; traccar/traccar Gl200BinaryProtocolDecoder): big-endian.
NewBinary = Struct(
    "start" / Int8ub,
    "zero" / Const(b"\0"),
    "length" / Int16ub,
    "flags" / Int8ub,
    "more" / If(this.flags & 0x80, Bytes(2)),
    "id" / Bytes(8),
    "device_type" / Int16ub,
    "protocol_version" / Int16ub,
    "custom_version" / Int8ub,
    "rest" / GreedyBytes,
)
