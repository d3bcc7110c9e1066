"""Enfora, Novatel and SkyPatrol units over TCP, UDP and a serial port; see the package's modules."""

from __future__ import annotations

from tracker_codecs.contract import Limits, SerialForm, Transport
from tracker_codecs.families.enfora import console, dialogue, frame, table
from tracker_codecs.families.enfora.console import ConsoleStream
from tracker_codecs.families.enfora.emulator import EnforaEmulator
from tracker_codecs.family import Family
from tracker_codecs.lines import typed, wired

FAMILY = Family(
    name="enfora",
    title="Enfora and Novatel MT, SkyPatrol TT87xx units (AT commands)",
    sources=(
        "Enabler II-G modem integration guide page 49 (office.manualsonline.com mlg0208pb001): AT commands by UDP",
        "GSM1308 AT command set reference pages 251 and 292: $APIOPT, $EVENT",
        "github.com/traccar/traccar: EnforaProtocolEncoder and -Decoder, SkypatrolProtocolDecoder, their tests",
        "public Delphi source of an Enfora initialiser; docs.plaspy.com (SkyPatrol): timers, categories, AT&W",
    ),
    transports=frozenset({Transport.TCP, Transport.UDP, Transport.SERIAL}),
    default_port=5008,
    serial=SerialForm(baudrates=(115200,), eol=b"\r"),
    limits=Limits(max_frame=frame.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves="the unit ran the AT command; AT&W, sent last, keeps it over a restart",
    variants=table.VARIANTS,
    stream=wired(ConsoleStream, frame.EnforaStream),
    server=typed(ConsoleStream, frame.from_server),
    recognise=frame.recognise,
    fields=console.fields_of,
    normalise=frame.normalised,
    check=table.check,
    apply=dialogue.apply,
    read=dialogue.read,
    identify=dialogue.identify,
    raw=dialogue.RAW,
    emulator=EnforaEmulator,
)
