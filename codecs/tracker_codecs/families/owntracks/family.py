"""OwnTracks apps over MQTT. `device_id` is `<user>/<device>`; option `prefix` is what stands before it in topics.

The user must allow commands and remote configuration in the app. The HTTP form is decoded, never served. Encrypted
messages are told as unreadable.
"""

from tracker_codecs.contract import Limits, Transport
from tracker_codecs.families.owntracks import dialogue, messages, settings, wire
from tracker_codecs.families.owntracks.emulator import OwnTracksEmulator
from tracker_codecs.family import Family

FAMILY = Family(
    name="owntracks",
    title="OwnTracks for iOS and Android",
    sources=(
        "OwnTracks booklet: tech/json, tech/mqtt, features/remoteconfig, features/location (owntracks.org/booklet)",
        "github.com/owntracks/ios OwnTracksAppDelegate.m, Settings.m, MQTT.plist, CHANGELOG",
        "github.com/owntracks/android MessageProcessor, Preferences, DefaultsProvider, ParserTest and its fixtures",
        "github.com/owntracks/recorder recorder.c, README, doc/HOOKS, doc/STORE",
    ),
    transports=frozenset({Transport.MQTT}),
    default_port=8883,
    #: A phone in significant mode that does not move says nothing for hours.
    limits=Limits(max_frame=wire.MAX_FRAME, idle=86400.0, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves=(
        "nothing: no app answers setConfiguration. iOS shows the stored settings in a dump; Android shows the mode "
        "in a location that was asked for, and nothing else"
    ),
    variants=settings.VARIANTS,
    unsupported="the app has no such setting",
    ids=wire.IDS,
    stream=wire.OwnTracksStream,
    server=wire.OwnTracksStream.from_server,
    fields=messages.fields,
    topics=wire.filters,
    check=settings.check,
    apply=dialogue.apply,
    read=dialogue.read,
    raw=dialogue.raw,
    emulator=OwnTracksEmulator,
)
