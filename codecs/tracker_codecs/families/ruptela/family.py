"""Ruptela units over TCP; see the package's modules."""

from __future__ import annotations

from tracker_codecs.contract import Limits
from tracker_codecs.families.ruptela import dialogue, frame, messages, settings
from tracker_codecs.families.ruptela.emulator import RuptelaEmulator
from tracker_codecs.family import Family

FAMILY = Family(
    name="ruptela",
    title="Ruptela FM, Eco, Pro, Plug, HCV, LCV and Trace",
    sources=(
        "github.com/traccar/traccar Ruptela decoder, encoder and tests (recorded packets)",
        "easymanua.ls: Ruptela FM Pro pages 22 to 24; manualshive.com: FM Eco pages 9, 22, 23 and 26 (SMS commands)",
        "flespi.com/protocols/ruptela (of two servers only the first is obeyed)",
        "scribd 450648561 and 438512642 (setcfg: contents list only)",
    ),
    default_port=5046,
    limits=Limits(max_frame=frame.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves="the unit has put the values into a slot; the read-back tells them",
    variants=settings.VARIANTS,
    unsupported="no public command of these devices carries it",
    stream=frame.RuptelaStream,
    server=frame.RuptelaStream.from_server,
    recognise=frame.recognise,
    fields=messages.fields,
    rename=messages.rename,
    options=settings.password,
    check=settings.check,
    apply=dialogue.apply,
    read=dialogue.read,
    raw=dialogue.RAW,
    emulator=RuptelaEmulator,
)
