"""Families without code: a text protocol described in a YAML or TOML file (docs/family-template.md)."""

from tracker_codecs.template.family import TemplateFamily, load, load_directory
from tracker_codecs.template.spec import TemplateError

__all__ = ["TemplateError", "TemplateFamily", "load", "load_directory"]
