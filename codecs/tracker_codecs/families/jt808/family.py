"""Chinese national-standard terminals, editions 2011, 2013 and 2019, over TCP or UDP."""

from __future__ import annotations

from tracker_codecs.contract import Capability, Limits, Strength, Transport
from tracker_codecs.defaults import read_nothing
from tracker_codecs.families.jt808 import bsj, dialogue, frame, messages
from tracker_codecs.families.jt808.emulator import Jt808Emulator
from tracker_codecs.family import Family
from tracker_codecs.variants import by_variant

FAMILY = Family(
    name="jt808",
    title="JT/T 808 (Huabao, BSJ and others)",
    sources=(
        "JT/T 808-2011, -2013, -2019 (github.com/yezhihao/jt808-server)",
        "github.com/SmallChi/JT808 and github.com/yezhihao/jt808-server: test frames, some recorded",
        "traccar/traccar: Jt808 decoder, encoder, frame decoder, tests",
        "CanTrack G10LS protocol (github.com/AIPorto/GPS-Tracker-SDK)",
        "public script BSJ-EG01 Command Packet Generator: <SPBSJ*P:BSJGPS*C:30>",
    ),
    transports=frozenset({Transport.TCP, Transport.UDP}),
    default_port=5015,
    limits=Limits(max_frame=frame.MAX_FRAME, idle=900.0, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves=(
        "the parameters were accepted, and may have been clipped; of a text (BSJ) only that it was received"
    ),
    variants={
        "huabao": {dialogue.FIELD: Capability(Strength.READ_BACK)},
        bsj.VARIANT: bsj.CAPABILITIES,
    },
    unsupported=bsj.why_not,
    stream=frame.Jt808Stream,
    server=frame.Jt808Stream.from_server,
    recognise=frame.opens,
    fields=messages.fields,
    refuse=frame.refuse,
    normalise=messages.normalise,
    rename=messages.rename,
    options=dialogue.Talk,
    check=by_variant(dialogue.check, {bsj.VARIANT: bsj.check}),
    apply=by_variant(dialogue.apply, {bsj.VARIANT: bsj.apply}),
    read=by_variant(dialogue.read, {bsj.VARIANT: read_nothing}),
    raw=by_variant(dialogue.RAW, {bsj.VARIANT: bsj.raw}),
    emulator=by_variant(Jt808Emulator, {bsj.VARIANT: bsj.BsjEmulator}),
)
