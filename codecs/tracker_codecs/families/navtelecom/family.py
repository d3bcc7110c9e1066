"""Navtelecom units over TCP; see the package's modules."""

from __future__ import annotations

from tracker_codecs.contract import Limits
from tracker_codecs.families.navtelecom import dialogue, frame, settings
from tracker_codecs.families.navtelecom.emulator import NavtelecomEmulator
from tracker_codecs.family import Family

FAMILY = Family(
    name="navtelecom",
    title="Navtelecom SIGNAL, SMART and START",
    sources=(
        "github.com/traccar/traccar Navis frame decoder, decoder, encoder and tests (recorded packets)",
        "wiki.navtelecom.ru: developers/flex_examples, developers/configuration, devices/commands/standard_cmd",
        "public integration plan for NTCB and FLEX 6.2 (bit order, READ, EDIT and EDITS), checked with a unit",
    ),
    default_port=5019,
    limits=Limits(max_frame=frame.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves="the unit has taken the command; the read-back tells the values that it stored",
    variants=settings.VARIANTS,
    stream=frame.NavtelecomStream,
    server=frame.NavtelecomStream.from_server,
    recognise=frame.recognise,
    fields=frame.fields,
    rename=frame.rename,
    options=settings.numbers,
    check=settings.check,
    apply=dialogue.apply,
    read=dialogue.read,
    raw=dialogue.RAW,
    emulator=NavtelecomEmulator,
)
