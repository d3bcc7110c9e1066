"""Hua Sheng HS 3000G and its sisters over TCP; see the package's modules."""

from __future__ import annotations

from tracker_codecs.contract import Limits
from tracker_codecs.families.huasheng import dialogue, frame, messages, settings
from tracker_codecs.families.huasheng.emulator import HuashengEmulator
from tracker_codecs.family import Family

FAMILY = Family(
    name="huasheng",
    title="Hua Sheng HS 3000G",
    sources=(
        "github.com/traccar/traccar HuaSheng protocol: frame decoder, decoder, encoder, tests (recorded frames)",
        "github.com/cyoung/hs3000g: message table, parameters 0002, 0003 and 0042",
        "traccar.org forum replies 82192 and 82209: a recorded exchange, the vendor's reading of a login",
    ),
    default_port=5111,
    limits=Limits(max_frame=frame.MAX_BODY + 2, idle=600.0, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves="FF05 with the command's index: the parameter was taken; its content is not published",
    variants=settings.VARIANTS,
    unsupported="no public parameter of these units carries it",
    stream=frame.HuashengStream,
    server=frame.HuashengStream.from_server,
    recognise=frame.recognise,
    fields=messages.fields,
    check=settings.check,
    apply=dialogue.apply,
    raw=dialogue.RAW,
    emulator=HuashengEmulator,
)
