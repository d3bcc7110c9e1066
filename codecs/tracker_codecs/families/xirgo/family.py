"""Xirgo XT units over TCP and UDP; see the package's modules."""

from __future__ import annotations

from tracker_codecs.contract import Limits, Transport
from tracker_codecs.families.xirgo import dialogue, frame, settings
from tracker_codecs.families.xirgo.emulator import XirgoEmulator
from tracker_codecs.family import Family

FAMILY = Family(
    name="xirgo",
    title="Xirgo XT-2000, 2400, 4700 and 4800 units",
    sources=(
        "github.com/traccar/traccar: XirgoProtocolDecoder, XirgoProtocolEncoder and their tests",
        "studylib.net 25255848 and the XT-2000 paper (G X081): list of codes; de.scribd.com 337719557 (XT-4860)",
        "public Go device server on GitHub (base.device.service/core): addressed commands, recorded answer of 3001",
        "public PHP fleet application on GitHub (page Tracker Configuration, Xirgo OBDII): 3050, units, refusals",
        "public Rails applications on GitHub (class Tracker; Xirgo controllers): names and order of 3001 to 3012",
    ),
    transports=frozenset({Transport.TCP, Transport.UDP}),
    default_port=5081,
    limits=Limits(max_frame=frame.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves=(
        "the unit took the command and tells the values that it holds now; whether they outlive a restart is not public"
    ),
    variants=settings.VARIANTS,
    stream=frame.XirgoStream,
    server=frame.from_server,
    recognise=frame.recognise,
    fields=frame.fields,
    check=settings.check,
    apply=dialogue.apply,
    read=dialogue.read,
    raw=dialogue.RAW,
    emulator=XirgoEmulator,
)
