"""Teltonika trackers over MQTT: JSON records, and the command texts of the family `teltonika` in a JSON envelope."""
