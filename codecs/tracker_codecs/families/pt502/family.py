"""Bofan PT300X, PT502, PT510, PT521, PT600 over TCP: `$POS` lines, `#` commands."""

from tracker_codecs.contract import Limits
from tracker_codecs.families.pt502 import frame, messages, settings
from tracker_codecs.families.pt502.emulator import BofanEmulator
from tracker_codecs.family import Family

FAMILY = Family(
    name="pt502",
    title="Bofan PT502, PT521 ($POS lines, # commands)",
    sources=(
        "github.com/traccar/traccar Pt502FrameDecoder, Pt502ProtocolDecoder, Pt502ProtocolEncoder and their tests",
        "Bofan PT502 manual (easymanua.ls bofan pt502, pages 15 and 17; manualslib.com 961526, page 14): command words",
    ),
    default_port=5017,
    limits=Limits(max_frame=frame.MAX_FRAME, reply_timeout=settings.TIMEOUT),
    acknowledgement_proves="nothing: no reply of this family is public; a command was sent, no more",
    variants=settings.VARIANTS,
    unsupported=settings.UNKNOWN,
    stream=frame.BofanStream,
    server=messages.from_server,
    recognise=frame.recognise,
    fields=messages.fields,
    check=settings.check,
    apply=settings.apply,
    raw=settings.RAW,
    emulator=BofanEmulator,
)
