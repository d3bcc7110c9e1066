"""What a device id looks like, by a model's id type, and samples of it."""

from __future__ import annotations

import re

_FORMS = {
    "imei": (r"[0-9]{15}", "15 digits"),
    "meid": (r"[0-9A-Fa-f]{14}", "14 hexadecimal digits"),
    "user/device": (r"[^/+#\s]{1,64}/[^/+#\s]{1,64}", "the form user/device, without + and #"),
}
_SORTS = {
    "id": ("[0-9]", "digits"),
    "hex": ("[0-9a-f]", "hexadecimal digits"),
    "string": ("[!-~]", "printable characters"),
}


def complaint(id_type: str, device_id: str) -> str | None:
    """What is wrong with this device id, or None. `id_type` as in `tracker_profiles.models`."""
    kind, *bounds = id_type.split(",")
    if kind in _FORMS:
        pattern, words = _FORMS[kind]
    else:
        low, high = int(bounds[0]), int(bounds[-1])
        characters, sort = _SORTS[kind]
        pattern = f"{characters}{{{low},{high}}}"
        words = f"{low} {sort}" if low == high else f"{low} to {high} {sort}"
    if re.fullmatch(pattern, device_id, re.ASCII):
        return None
    return f"a device id of this model has {words}"


def normal(id_type: str, device_id: str) -> str:
    """The device id as its codec writes it: hexadecimal digits in lower case."""
    return device_id.lower() if id_type.startswith("hex,") else device_id


#: The sample IMEI of the GSM standards' test cases; its check digit is right.
SAMPLE_IMEI = "490154203237518"


def sample(id_type: str) -> str:
    """A device id of this form, for examples and emulated trackers."""
    kind, *bounds = id_type.split(",")
    if kind == "imei":
        return SAMPLE_IMEI
    if kind == "meid":
        return "A0000000000001"
    if kind == "user/device":
        return "user/phone1"
    length = int(bounds[0])
    return ("1234567890" * (length // 10 + 1))[:length]


def following(id_type: str, first: str, count: int) -> list[str]:
    """`count` device ids from `first` on, of the same length; an IMEI keeps a right check digit.

    Raises ValueError where `first` does not end in digits, or they do not suffice.
    """
    imei = id_type == "imei"
    if count == 1:
        return [first]
    body = first[:-1] if imei else first
    digits = re.search(r"[0-9]*$", body, re.ASCII)
    assert digits is not None
    head, number = body[: digits.start()], digits[0]
    if not number or len(str(int(number) + count - 1)) > len(number):
        raise ValueError(f"{count} device ids cannot be counted up from {first}")
    ids = [f"{head}{int(number) + index:0{len(number)}}" for index in range(count)]
    return [f"{each}{_luhn(each)}" for each in ids] if imei else ids


def _luhn(digits: str) -> int:
    """The check digit of an IMEI (3GPP TS 23.003, annex B)."""
    doubled = [int(digit) * (2 if index % 2 == 0 else 1) for index, digit in enumerate(reversed(digits))]
    return -sum(value - 9 if value > 9 else value for value in doubled) % 10
