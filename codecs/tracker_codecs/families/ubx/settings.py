"""The one setting of a UBX receiver: ms between fixes = measurement period x measurements a fix.

Up to generation 8 CFG-RATE carries it (deprecated on 9, gone on 10), in RAM only; from 9 on the configuration keys do,
in up to three layers. Number of measurements a fix and time reference are no settings: they are kept as they are.
Sources: semuconsulting/pyubx2 (message tables, key database).
"""

from __future__ import annotations

from tracker_codecs.checks import whole_numbers
from tracker_codecs.contract import Capability, Strength, Target, Variants
from tracker_codecs.errors import LocalError
from tracker_codecs.families.ubx import payload

FIELD = "tracking_interval_ms"
#: ms, by the width of the field; what a receiver really takes depends on generation and constellations.
RANGE = (1, 65535)
VOLATILE = "volatile: in RAM only, lost at power-off"
_READ = Capability(Strength.READ_BACK)
_RAM = Capability(Strength.READ_BACK, VOLATILE)
#: auto asks with a configuration key first, which older receivers refuse.
VARIANTS: Variants = {
    "auto": {FIELD: _READ},
    "rate": {FIELD: _RAM},
    "keys": {FIELD: _READ},
}
#: Tried in this order where the option `layers` is not given: a unit without flash refuses the first.
LAYERS = (7, 3, 1)
_LAYER_NAMES = ((payload.RAM, "RAM"), (payload.BATTERY, "battery-backed RAM"), (payload.FLASH, "flash"))
#: Hardware versions of MON-VER that are clearly one of our models.
HARDWARE = {"00070000": "ublox_7", "00080000": "ublox_m8", "00190000": "ublox_9", "000A0000": "ublox_m10"}


check = whole_numbers({FIELD: RANGE}, "the receiver takes {} to {} ms")


def layers_of(target: Target) -> tuple[int, ...]:
    """Option `layers`, a sum of 1 (RAM), 2 (battery-backed RAM), 4 (flash); else all that the unit takes.

    Raises LocalError for a sum without RAM, which would change nothing before the next start.
    """
    option = target.options.get("layers")
    if option is not None:
        if isinstance(option, bool) or option not in (1, 3, 5, 7):
            raise LocalError(
                "must be 1 (RAM), 3 (and battery-backed RAM), 5 (and flash) or 7 (all)", parameter="layers"
            )
        return (int(option),)
    known = target.known.get("layers", "")
    return (int(known), *(one for one in LAYERS if one < int(known))) if known in ("1", "3", "7") else LAYERS


def lasting(layers: int) -> str:
    """Where a setting is kept, in words."""
    return ", ".join(name for bit, name in _LAYER_NAMES if layers & bit)
