"""Teltonika trackers over MQTT: JSON records, and the command texts of the family `teltonika` in a JSON envelope."""

from tracker_codecs.families.teltonika_mqtt.family import FAMILY

__all__ = ["FAMILY"]
