"""TK103: text in brackets. A family without code, see family.yaml."""

from pathlib import Path

from tracker_codecs.template import load

FAMILY = load(Path(__file__).with_name("family.yaml"))
