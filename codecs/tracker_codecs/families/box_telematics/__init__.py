"""BOX Telematics BOX-tracker."""

from tracker_codecs.families.box_telematics.family import FAMILY

__all__ = ["FAMILY"]
