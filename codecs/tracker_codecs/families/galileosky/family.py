"""Galileosky terminals over TCP; see the package's modules."""

from __future__ import annotations

from tracker_codecs.contract import Limits
from tracker_codecs.families.galileosky import dialogue, frame, messages, settings
from tracker_codecs.families.galileosky.emulator import GalileoskyEmulator
from tracker_codecs.family import Family

FAMILY = Family(
    name="galileosky",
    title="Galileosky terminals",
    sources=(
        "github.com/traccar/traccar Galileo frame decoder, decoder, encoder and tests (recorded packets)",
        "manualshive.com: Galileosky GPS Lite page 49 and GLONASS page 92 (command packet, FMI packets)",
        "manualshive.com: GLONASS/GPS Satellite v4.0 pages 56 to 61 (WrPeriod, Turning, Status and their answers)",
        "manualshive.com: GLONASS v5.1 page 65, Lite page 51, Boxfinder pages 29 and 31",
    ),
    default_port=5034,
    limits=Limits(max_frame=frame.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves="the answer echoes the values in force",
    variants=settings.VARIANTS,
    unsupported="no public command of these devices carries it",
    stream=frame.GalileoskyStream,
    server=frame.GalileoskyStream.from_server,
    recognise=frame.recognise,
    fields=messages.fields,
    normalise=messages.normalise,
    rename=messages.rename,
    options=settings.options,
    check=settings.check,
    apply=dialogue.apply,
    read=dialogue.read,
    raw=dialogue.RAW,
    emulator=GalileoskyEmulator,
)
