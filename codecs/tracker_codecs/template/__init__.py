"""Families without code: a text protocol described in a YAML or TOML file (docs/family-template.md)."""

from tracker_codecs.template.family import family_of, load
from tracker_codecs.template.spec import Spec, TemplateError, read

__all__ = ["Spec", "TemplateError", "family_of", "load", "read"]
