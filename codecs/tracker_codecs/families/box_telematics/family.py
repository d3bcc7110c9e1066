"""BOX-tracker units of BOX Telematics over TCP or a serial port; see the package's modules."""

from __future__ import annotations

from tracker_codecs.contract import Limits, SerialForm, Transport
from tracker_codecs.families.box_telematics import dialogue, frame, settings
from tracker_codecs.families.box_telematics.emulator import BoxEmulator
from tracker_codecs.family import Family

FAMILY = Family(
    name="box-telematics",
    title="BOX Telematics BOX-tracker",
    sources=(
        "BOX-tracker Communication Protocol v1.5 (2009), manualshive.com box-tracker 2798112, pages 7 to 31",
        "manualslib.com manual 1794193: session example, fields of the header",
        "github.com/traccar/traccar Box protocol, decoder and tests (line end, confirmation, recorded lines)",
    ),
    transports=frozenset({Transport.TCP, Transport.SERIAL}),
    default_port=5065,
    # RS-232 and USB, without flow control.
    serial=SerialForm(baudrates=(115200,), eol=b"\r"),
    limits=Limits(max_frame=frame.MAX_LINE + 2, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves=(
        "OK follows the output of a command that was carried out; the text of a failure is not public"
    ),
    variants=settings.VARIANTS,
    stream=frame.BoxStream,
    server=frame.BoxStream.from_server,
    recognise=frame.recognise,
    fields=frame.fields,
    check=settings.check,
    apply=dialogue.apply,
    read=dialogue.read,
    identify=dialogue.identify,
    raw=dialogue.raw,
    emulator=BoxEmulator,
)
