"""What must not stand in a recording: secrets, masked at equal length, and device ids, replaced by made-up ones.

Both work frame by frame and through the codec (`Family.rename`), so that checksums stay right and a recording can be
replayed. What still holds a secret after that is masked without a right checksum; what still holds the device id, in
any of the forms ids travel in, is left out.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tracker_codecs.contract import Event, Message, Stream, Transport
from tracker_codecs.family import Family

from tracker_gateway.process.log import SECRET_WORDS

#: Stands for every byte of a secret: a letter and digit of every password grammar.
MASK = "0"
#: Words in names of options whose values are secret, beside those that are never logged.
_SECRET_OPTIONS = {"token", "pin", "passphrase"}


def secret_option(name: str) -> bool:
    """Whether the value of this codec option is a secret."""
    return any(word in name.lower() for word in SECRET_WORDS) or bool(_SECRET_OPTIONS & set(name.lower().split("_")))


def secrets_of(options: Mapping[str, Any]) -> set[bytes]:
    """The secret values among a codec's options."""
    return {str(value).encode() for name, value in options.items() if secret_option(name) and value not in (None, "")}


def made_up(device_id: str, salt: bytes) -> str:
    """Another id of equal length and form, always the same for one salt. 15 digits get the check digit of an IMEI."""
    noise = hmac.new(salt, device_id.encode(), hashlib.sha512).digest()
    noise = noise * (1 + len(device_id) // len(noise))
    if len(device_id) == 15 and device_id.isdigit():
        body = "35" + "".join(str(byte % 10) for byte in noise[:12])
        return body + _check_digit(body)
    found = []
    hexadecimal = all(each in "0123456789abcdefABCDEF" for each in device_id)
    for place, (each, byte) in enumerate(zip(device_id, noise, strict=False)):
        if each.isdigit():
            found.append(str(byte % 9 + 1 if place == 0 else byte % 10))
        elif each.isascii() and each.isalpha():
            letter = chr(ord("a") + byte % (6 if hexadecimal else 26))
            found.append(letter.upper() if each.isupper() else letter)
        else:
            found.append(each)
    return "".join(found)


def _check_digit(body: str) -> str:
    """The Luhn digit after 14 others (3GPP TS 23.003, annex B)."""
    total = sum(sum(divmod(int(each) * (1 + place % 2), 10)) for place, each in enumerate(body))
    return str(-total % 10)


def forms(device_id: str) -> set[bytes]:
    """The byte strings by which a device id could be found in a frame."""
    found = {device_id.encode(), device_id.upper().encode(), device_id.lower().encode(), device_id.encode("utf-16-be")}
    digits = device_id.lower()
    if len(digits) >= 8 and all(each in "0123456789abcdef" for each in digits):
        padded = [digits] if len(digits) % 2 == 0 else ["0" + digits, digits + "0", digits + "f"]
        raw = {bytes.fromhex(each) for each in padded}
        found |= raw | {each[::-1] for each in raw} | {each.hex(" ").encode() for each in raw}
        found |= {each.hex(" ").upper().encode() for each in raw}
    if digits.isdigit() and 8 <= len(digits) <= 19:
        pairs = [int(digits[at : at + 2]) for at in range(0, len(digits), 2)]
        found |= {bytes(pairs), int(digits).to_bytes(8, "big"), int(digits).to_bytes(8, "little")}
    return found


class Redactor:
    """Of one device. `salt` None: its id is kept. `dropped` counts pieces that could not be redacted."""

    def __init__(self, family: Family, *, salt: bytes | None, secrets: Iterable[bytes] = ()) -> None:
        self._family = family
        self._salt = salt
        self._secrets: list[bytes] = []
        self._ids: dict[str, str] = {}
        self._forms: set[bytes] = set()
        self.masked = False
        self.dropped = 0
        self.hide(secrets)

    def hide(self, secrets: Iterable[bytes]) -> None:
        """Mask these too, from now on."""
        found = {*self._secrets, *(each for each in secrets if each.strip(MASK.encode()))}
        self._secrets = sorted(found, key=len, reverse=True)

    def rename(self, device_id: str) -> None:
        """Replace this id too, where ids are replaced."""
        if self._salt is not None and device_id and device_id not in self._ids:
            self._ids[device_id] = made_up(device_id, self._salt)
            self._forms |= forms(device_id)

    def id_of(self, device_id: str) -> str:
        """The id as the recording has it."""
        return self._ids.get(device_id, device_id)

    def text(self, value: Any) -> Any:
        """Texts, at any depth of a JSON value, without secrets and ids."""
        if isinstance(value, Mapping):
            return {self.text(key): self.text(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.text(inner) for inner in value]
        if not isinstance(value, str):
            return value
        for secret in self._secrets:
            value = value.replace(secret.decode("latin-1"), MASK * len(secret))
        for old, new in self._ids.items():
            for each in (str, str.upper, str.lower):
                value = value.replace(each(old), each(new))
        return value

    def options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Codec options with every secret masked."""
        shown = {n: MASK * len(str(v)) if secret_option(n) and v not in (None, "") else v for n, v in options.items()}
        return {name: self.text(value) for name, value in shown.items()}

    def piece(self, data: bytes) -> bytes | None:
        """One frame, or bytes that are none, fit to be kept; None where the device id would be told."""
        for secret in self._secrets:
            if secret in data:
                self.masked = True
                data = self._replaced(data, secret, MASK.encode() * len(secret))
        for old, new in self._ids.items():
            data = self._renamed(data, old, new)
        if any(form in data for form in self._forms):
            self.dropped += 1
            return None
        return data

    def _replaced(self, data: bytes, secret: bytes, mask: bytes) -> bytes:
        try:
            renamed = self._renamed(data, secret.decode("ascii"), mask.decode("ascii"))
        except UnicodeDecodeError:
            renamed = data
        return renamed.replace(secret, mask)

    def _renamed(self, data: bytes, old: str, new: str) -> bytes:
        try:
            renamed = self._family.rename(data, old, new)
        except Exception:  # LocalError, or a codec's defect over bytes that are no frame: what is left is looked at
            return data
        return renamed if len(renamed) == len(data) else data


class Cutter:
    """Cuts one direction into pieces that are whole frames, or the bytes between them. Nothing is lost or added.

    The device's side is cut by the codec's own stream, which also tells who speaks (`device_ids`); the server's side
    comes in whole writes. No more is kept than the codec keeps of an unfinished frame, and the bytes given last.
    """

    def __init__(self, family: Family, transport: Transport) -> None:
        self._family = family
        self._stream: Stream = family.stream(transport)
        self._whole = transport in (Transport.UDP, Transport.MQTT)
        self._kept = b""
        self.device_ids: list[str] = []
        self.owed: deque[bytes] = deque(maxlen=256)  # frames the device is owed, in the form `Family.normalise` gives

    def is_owed(self, frame: bytes) -> bool:
        """Whether the device was owed this frame of the server; each counts once."""
        form = self._family.normalise(frame)
        if form not in self.owed:
            return False
        self.owed.remove(form)
        return True

    def device(self, data: bytes, channel: str = "") -> list[bytes]:
        """Bytes of the device; the pieces that are complete now."""
        pending = self._kept + data
        events = self._stream.feed(data, channel)
        for event in events:
            if isinstance(event, Message) and event.device_id and event.device_id not in self.device_ids[-1:]:
                self.device_ids = [*self.device_ids[-9:], event.device_id]
            if isinstance(event, Message) and event.owed:
                self.owed.extend(map(self._family.normalise, self.server(event.owed, event.owed_channel)))
        left = 0 if self._whole else min(self._stream.buffered, len(pending))
        done, self._kept = pending[: len(pending) - left], pending[len(pending) - left :]
        return list(_pieces(done, events))

    def server(self, data: bytes, channel: str = "") -> list[bytes]:
        """What one write to the device holds."""
        return list(_pieces(data, self._family.server(data, channel)))

    def rest(self) -> bytes:
        """What was left of an unfinished frame. Empties it."""
        rest, self._kept = self._kept, b""
        return rest


def _pieces(data: bytes, events: Iterable[Event]) -> Iterator[bytes]:
    at = 0
    for event in events:
        if not isinstance(event, Message) or not event.frame:
            continue
        found = data.find(event.frame, at)
        if found < 0:
            continue
        if found > at:
            yield data[at:found]
        at = found + len(event.frame)
        yield event.frame
    if at < len(data):
        yield data[at:]
