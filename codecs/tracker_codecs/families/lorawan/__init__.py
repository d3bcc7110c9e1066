"""LoRaWAN trackers behind the MQTT of ChirpStack v4 or The Things Stack v3."""

from tracker_codecs.families.lorawan.family import FAMILY

__all__ = ["FAMILY"]
