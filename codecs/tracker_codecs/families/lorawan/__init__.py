"""LoRaWAN trackers behind the MQTT of ChirpStack v4 or The Things Stack v3."""
