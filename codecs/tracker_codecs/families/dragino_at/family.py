"""Dragino trackers on their serial console; see the package's modules."""

from tracker_codecs.contract import Ids, Limits, SerialForm, Transport
from tracker_codecs.families.dragino_at import dialogue, settings, stream
from tracker_codecs.families.dragino_at.emulator import DraginoEmulator
from tracker_codecs.family import Family

FAMILY = Family(
    name="dragino-at",
    title="Dragino TrackerD and LGT-92 over their serial console",
    sources=(
        "github.com/dragino/TrackerD: at.h, at.cpp, TrackerD.ino",
        "public field notes on a TrackerD with firmware 1.4.6 and 1.4.8 (list of AT commands, traps of the port)",
        "Dragino LGT92 AT Commands v1.5.3 (vdocuments.net), list of commands",
    ),
    transports=frozenset({Transport.SERIAL}),
    serial=SerialForm(baudrates=(115200, 9600)),  # TrackerD; the LGT-92 speaks at 9600
    limits=Limits(max_frame=stream.MAX_LINE, idle=3600.0, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves=(
        "stored: the whole configuration is written to the EEPROM before OK is printed, so it outlives power-off (but "
        "not a change of the firmware's version, nor a factory reset)"
    ),
    variants=settings.VARIANTS,
    unsupported="this model does not know the field",
    ids=Ids("[0-9A-Fa-f]{16}", "must be a device EUI: sixteen hex digits"),
    stream=stream.DraginoStream,
    server=stream.DraginoStream.from_server,
    recognise=stream.recognise,
    fields=stream.fields,
    rename=stream.renamed,
    check=settings.check,
    apply=dialogue.apply,
    read=dialogue.read,
    identify=dialogue.identify,
    raw=dialogue.raw,
    emulator=DraginoEmulator,
)
