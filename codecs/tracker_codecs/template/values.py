"""Values of a profile as the device writes them, and back."""

from __future__ import annotations

from tracker_codecs.contract import Value
from tracker_codecs.errors import PeerError
from tracker_codecs.template.spec import Form, Setting


def encode(setting: Setting, value: Value) -> str | None:
    """The device's text of a value in the profile's units; None where no form takes it exactly."""
    if setting.words:
        return setting.words.get(_word(value))
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    for form in setting.forms:
        number, rest = divmod(value, form.scale)
        if not rest and form.minimum <= number <= form.maximum:
            return f"{number:{form.format}}{form.suffix}"
    return None


def decode(setting: Setting, text: str) -> Value:
    """The value of a device's text, in the profile's units. Raises PeerError."""
    if setting.words:
        for word, told in setting.words.items():
            if told == text:
                return {"true": True, "false": False}.get(word, int(word) if word.lstrip("-").isdigit() else word)
        raise PeerError(f"not a value of this setting: {text[:32]}")
    for form in setting.forms:
        number = text.removesuffix(form.suffix) if form.suffix else text
        if form.suffix and number == text:
            continue
        try:
            return int(number, 16 if form.format[-1] in "xX" else 10) * form.scale
        except ValueError:
            continue
    raise PeerError(f"not a number: {text[:32]}")


def why(setting: Setting) -> str:
    """What the device takes, in words."""
    if setting.words:
        return f"the device takes {', '.join(setting.words)} only"
    return "the device takes " + " or ".join(_range(form) for form in setting.forms) + " only"


def _range(form: Form) -> str:
    low, high = form.minimum * form.scale, form.maximum * form.scale
    return f"{low} to {high}" + (f" in steps of {form.scale}" if form.scale > 1 else "")


def _word(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
