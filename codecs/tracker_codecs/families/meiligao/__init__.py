"""Meiligao, GoTop, RedView, TopTen and TopShine."""
