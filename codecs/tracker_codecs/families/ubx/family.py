"""u-blox GNSS receivers on a serial port; see the package's modules."""

from tracker_codecs.contract import Ids, Limits, SerialForm, Transport
from tracker_codecs.families.ubx import dialogue, frame, payload, settings
from tracker_codecs.families.ubx.emulator import UbxEmulator
from tracker_codecs.family import Family

FAMILY = Family(
    name="ubx",
    title="u-blox UBX GNSS receivers (generation 5 to 10)",
    sources=(
        "github.com/semuconsulting/pyubx2: message tables, configuration keys, tests, ucenter-ZEDF9P-configdebug.log",
        "github.com/semuconsulting/pygpsclient tests and the satpulse documentation: recorded MON-VER answers",
        "public AssistNow clients: recorded SEC-UNIQID answers; a public parser's tests: a recorded NAV-PVT",
    ),
    transports=frozenset({Transport.SERIAL}),
    #: Factory rates: 9600 up to generation 8, 38400 from 9 on. Native USB ports take any.
    serial=SerialForm(baudrates=(9600, 38400, 115200)),
    limits=Limits(max_frame=frame.MAX_FRAME, idle=60.0, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves=(
        "applied: ACK-ACK follows the change, of whole messages only. It lasts as long as the layers written: "
        "RAM alone (always so with CFG-RATE, generation 5 to 8) is lost at power-off"
    ),
    variants=settings.VARIANTS,
    unsupported="this family does not know the field",
    ids=Ids("[ -~]{1,64}", "a device id is 1 to 64 printable ASCII characters"),  # whatever its owner calls it
    stream=frame.UbxStream,
    server=frame.UbxStream.from_server,
    recognise=frame.recognise,
    fields=payload.fields,
    normalise=frame.normalised,
    rename=frame.renamed,
    check=settings.check,
    apply=dialogue.apply,
    read=dialogue.read,
    identify=dialogue.identify,
    raw=dialogue.raw,
    emulator=UbxEmulator,
)
