"""Meiligao, GoTop, RedView, TopTen and TopShine over TCP and UDP; see the package's modules."""

from __future__ import annotations

from tracker_codecs.contract import Limits, Transport
from tracker_codecs.families.meiligao import dialogue, frame, messages, settings
from tracker_codecs.families.meiligao.emulator import MeiligaoEmulator
from tracker_codecs.family import Family

FAMILY = Family(
    name="meiligao",
    title="Meiligao, GoTop, RedView, TopTen, TopShine",
    sources=(
        "Meiligao GPRS Communication Protocol V2.1 (github.com/alvassin/nodejs-meiligao, docs/specs.pdf)",
        "Meiligao GPRS Communication Protocol V2.2 for GT30i, GT60, VT300, VT310, VT400 (traccar.org)",
        "github.com/traccar/traccar Meiligao frame decoder, decoder, encoder and tests",
        "github.com/plaspy-dev/docs, TopShine page (SMS dialect, ID of 14 digits, units of 10 s)",
    ),
    transports=frozenset({Transport.TCP, Transport.UDP}),
    default_port=5009,
    limits=Limits(max_frame=frame.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves="flag 01: the unit says that it carried the command out",
    variants=settings.VARIANTS,
    stream=frame.MeiligaoStream,
    server=frame.MeiligaoStream.from_server,
    recognise=frame.recognise,
    fields=messages.fields,
    refuse=frame.refuse,
    rename=messages.rename,
    check=settings.check,
    apply=dialogue.apply,
    read=dialogue.read,
    raw=dialogue.raw,
    emulator=MeiligaoEmulator,
)
