"""A family without code, see family.yaml."""

from pathlib import Path

from tracker_codecs.template import load

FAMILY = load(Path(__file__).with_name("family.yaml"))
