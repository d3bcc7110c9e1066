"""Neomatica ADM units over TCP; see the package's modules."""

from __future__ import annotations

from tracker_codecs.contract import Limits
from tracker_codecs.families.neomatica_adm import dialogue, frame
from tracker_codecs.families.neomatica_adm.emulator import AdmEmulator
from tracker_codecs.family import Family

FAMILY = Family(
    name="neomatica-adm",
    title="Neomatica ADM",
    sources=(
        "github.com/traccar/traccar Adm frame decoder, decoder, encoder and tests (recorded packets)",
        "manualshive.com: neomatica/adm007/719123 page 14 (TRACK and its answer)",
        "manualshive.com: neomatica/adm50/719127 page 8, adm700-3g/719128 page 16 (the same command lines)",
        "a public server for these units, tracker_receiver/src/protocols/ADM (answer mode of the login, ***N*)",
    ),
    default_port=5092,
    limits=Limits(max_frame=frame.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves="the unit has read the line and says something; only the reading of TRACK tells the values",
    variants=dialogue.VARIANTS,
    stream=frame.AdmStream,
    server=frame.from_server,
    recognise=frame.recognise,
    fields=frame.fields,
    rename=frame.rename,
    check=dialogue.check,
    apply=dialogue.apply,
    read=dialogue.read,
    raw=dialogue.RAW,
    emulator=AdmEmulator,
)
