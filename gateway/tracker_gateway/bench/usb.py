"""What a port seems to be, by its USB ids: receivers and boards name themselves, bridges say nothing of what is behind.

Sources: the public usb.ids list, gpsd's rules, Meshtastic's list of supported devices.
"""

from __future__ import annotations

from tracker_gateway.transports.port import PortInfo

_BRIDGE = "USB bridge ({}): anything may be behind it"
#: Vendor and product id -> what it is, and the codec family that is likely (empty: ask).
_KNOWN: dict[tuple[int, int], tuple[str, str]] = {
    (0x1546, 0x01A5): ("u-blox 5 receiver", "ubx"),
    (0x1546, 0x01A6): ("u-blox 6 receiver", "ubx"),
    (0x1546, 0x01A7): ("u-blox 7 receiver", "ubx"),
    (0x1546, 0x01A8): ("u-blox 8 receiver", "ubx"),
    (0x1546, 0x01A9): ("u-blox 9 receiver", "ubx"),
    (0x0E8D, 0x3329): ("MediaTek GPS receiver", "pmtk"),
    (0x303A, 0x1001): ("ESP32 board", ""),
    (0x239A, 0x8029): ("nRF52 board", ""),
    (0x239A, 0x0029): ("nRF52 board", ""),
    (0x2886, 0x0059): ("Seeed board", ""),
    (0x0483, 0x5740): ("STM32 virtual port", ""),
    (0x091E, 0x0003): ("Garmin receiver", ""),
}
_BRIDGES = {
    0x0403: ("FTDI", (0x6001, 0x6010, 0x6011, 0x6014, 0x6015)),
    0x10C4: ("CP210x", (0xEA60, 0xEA71)),
    0x067B: ("PL2303", (0x2303, 0xAAA0)),
    0x1A86: ("CH340, CH9102", (0x7522, 0x7523, 0x5523, 0x55D4)),
}
_QUECTEL = (0x2C7C, (0x0121, 0x0125, 0x0191, 0x0195, 0x0296))


def seems(port: PortInfo) -> tuple[str, str]:
    """What the port seems to be, and the family that is likely; empty where nothing is known."""
    if port.vid is None or port.pid is None:
        return "port of this machine", ""
    found = _KNOWN.get((port.vid, port.pid))
    if found is not None:
        return found
    name, products = _BRIDGES.get(port.vid, ("", ()))
    if port.pid in products:
        return _BRIDGE.format(name), ""
    if port.vid == _QUECTEL[0] and port.pid in _QUECTEL[1]:
        return "Quectel modem", ""
    return port.text, ""
