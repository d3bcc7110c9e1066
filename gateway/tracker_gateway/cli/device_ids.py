"""What a device id looks like, by a model's id type."""

from __future__ import annotations

import re

_FORMS = {"imei": r"[0-9]{15}", "meid": r"[0-9A-Fa-f]{14}"}


def complaint(id_type: str, device_id: str) -> str | None:
    """What is wrong with this device id, or None. `id_type` as in `tracker_profiles.models`."""
    kind, *bounds = id_type.split(",")
    if kind in _FORMS:
        pattern = _FORMS[kind]
        words = "15 digits" if kind == "imei" else "14 hexadecimal digits"
    else:
        low, high = int(bounds[0]), int(bounds[-1])
        sort = "digits" if kind == "id" else "printable characters"
        pattern = f"[{'0-9' if kind == 'id' else '!-~'}]{{{low},{high}}}"
        words = f"{low} {sort}" if low == high else f"{low} to {high} {sort}"
    if re.fullmatch(pattern, device_id, re.ASCII):
        return None
    return f"a device id of this model has {words}"
