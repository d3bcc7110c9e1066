"""Concox / Jimi GT06 and its clones, over TCP or a serial port; GT02 (68 68) is answered, but takes no settings."""

from __future__ import annotations

from tracker_codecs.contract import (
    Limits,
    SerialForm,
    Transport,
)
from tracker_codecs.families.gt06 import console, dialogue, frame, gt02, messages, settings, talk
from tracker_codecs.families.gt06.emulator import unit_on_its_link
from tracker_codecs.family import Family
from tracker_codecs.lines import typed, wired
from tracker_codecs.variants import by_variant

FAMILY = Family(
    name="gt06",
    title="Concox / Jimi GT06 and clones",
    sources=(
        "Concox GPS Tracker Communication Protocol v1.8.1 (github.com/vanceb/gps_owntracks)",
        "Jimi VL03/VL103M protocol (github.com/fcode09/jimi-vl103m)",
        "github.com/traccar/traccar Gt06 and Gt02 decoders, encoder, tests",
        "GT06D command list; X3 command list V1.7; EV02 command list; NT06/GT06L command guides",
        "Plaspy device pages (Concox GT350, Qbit M, GT710); Seeworld S119 manual",
        "factory test programs for GT02F and kin, firmware sources of GT300S on GitHub (AT^GT_CM=, 115200 8N1)",
    ),
    transports=frozenset({Transport.TCP, Transport.SERIAL}),
    default_port=5023,
    # TTL adapter or USB port, as factory test programs open it.
    serial=SerialForm(baudrates=(115200,)),
    # The status packet confirms the link about every three minutes.
    limits=Limits(max_frame=frame.MAX_FRAME, idle=600.0, reply_timeout=talk.TIMEOUT),
    acknowledgement_proves="the command text was parsed; values out of range may have been clipped",
    variants=settings.VARIANTS,
    sessions=frozenset({gt02.VARIANT}),
    unsupported=settings.why_not,
    # A unit whose login stays unanswered reboots every 10 to 20 minutes, for ever.
    hold_unregistered=True,
    tells_more=True,
    stream=wired(console.ConsoleStream, frame.Gt06Stream),
    server=typed(console.ConsoleStream, frame.Gt06Stream.from_server),
    recognise=frame.recognise,
    fields=messages.fields_of,
    refuse=frame.refuse,
    normalise=messages.normalised,
    rename=messages.renamed,
    options=settings.options,
    check=settings.check,
    apply=dialogue.apply,
    read=dialogue.read,
    identify=console.identify,
    raw=by_variant(talk.raw, {gt02.VARIANT: gt02.RAW}),
    emulator=by_variant(unit_on_its_link, {gt02.VARIANT: gt02.Gt02Unit}),
)
