"""CalAmp LMU, TTU and ATU: LM Direct over UDP, AT commands on the serial port."""

from tracker_codecs.families.calamp.family import FAMILY

__all__ = ["FAMILY"]
