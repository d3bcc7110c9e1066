"""Meiligao, GoTop, RedView, TopTen and TopShine."""

from tracker_codecs.families.meiligao.family import FAMILY

__all__ = ["FAMILY"]
