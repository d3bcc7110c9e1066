"""OwnTracks: the phone app (iOS, Android) as a tracker, over MQTT."""

from tracker_codecs.families.owntracks.family import FAMILY

__all__ = ["FAMILY"]
