"""The file of a dialogue: what a device and its gateway said to each other, in order, and where that is known from.

A dialogue is YAML. `encoding` says how bytes are written in it: `hex`, or `ascii` for text protocols (with the escapes
of a YAML string). Steps:

- `device: BYTES` what the device says; `gateway: BYTES` what the gateway must say then; both with optional `means`
  (for people), `at` (seconds since the start) and `channel` (MQTT topic).
- `do: {update: {...}}`, `do: {raw: TEXT}` or `do: {reread: true}`: what somebody asks of the gateway at this point.
  `do: {raw_hex: HEX}` is an operator's command in bytes. `revision` beside an update is the number it had: some
  protocols number their commands by it.
- `reconnect: true`: the device hangs up and calls again.

`known` are facts about the device that the gateway had before it began. `outcome` is how the last update must end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from tracker_codecs.contract import Transport

#: Bytes of a dialogue file that are read at most.
MAX_FILE = 16 * 1024 * 1024
#: First line of a recording; each later line is whole once its end is there.
RECORDED = "# Recorded by tracker-gateway"
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class DialogueError(Exception):
    """A dialogue file cannot be used; the text names the file and what is wrong."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Provenance(_Part):
    """Where the bytes come from. `kind`: document (a vendor's), recording (a real device), emulator or composed."""

    kind: Literal["document", "recording", "emulator", "composed"]
    source: str = Field(min_length=1)
    model: str = ""
    firmware: str = ""
    date: str = ""
    redacted: str = ""


class Action(_Part):
    """What somebody asks of the gateway."""

    update: dict[str, Any] | None = None
    revision: int | None = Field(default=None, ge=1)
    raw: str | None = None
    raw_hex: str | None = Field(default=None, pattern=r"^(?:[0-9A-Fa-f]{2})+$")
    reread: Literal[True] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(each is not None for each in (self.update, self.raw, self.raw_hex, self.reread)) != 1:
            raise ValueError("an action is one of update, raw, raw_hex and reread")
        return self


class Step(_Part):
    """One thing that happens."""

    device: str | None = None
    gateway: str | None = None
    do: Action | None = None
    reconnect: Literal[True] | None = None
    means: str = ""
    at: float | None = Field(default=None, ge=0)
    channel: str = ""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(each is not None for each in (self.device, self.gateway, self.do, self.reconnect)) != 1:
            raise ValueError("a step is one of device, gateway, do and reconnect")
        return self


class Outcome(_Part):
    """How the last update must end."""

    state: str
    strength: str | None = None
    fields: dict[str, str] = Field(default_factory=dict)


class Dialogue(_Part):
    """A whole dialogue."""

    kind: Literal["dialogue"] = "dialogue"
    family: str
    transport: Transport = Transport.TCP
    device_id: str
    model: str
    firmware: str = ""
    encoding: Literal["hex", "ascii"] = "hex"
    options: dict[str, Any] = Field(default_factory=dict)
    known: dict[str, str] = Field(default_factory=dict)
    experimental: bool = False
    provenance: Provenance
    steps: tuple[Step, ...] = Field(min_length=1)
    outcome: Outcome | None = None

    def bytes_of(self, text: str) -> bytes:
        """The bytes that a `device` or `gateway` text stands for. Raises DialogueError."""
        try:
            return text.encode("latin-1") if self.encoding == "ascii" else bytes.fromhex(text)
        except ValueError as error:
            raise DialogueError(f"not {self.encoding}: {text[:40]!r} ({error})") from None


def is_dialogue(document: object) -> bool:
    """Whether a parsed YAML document claims to be a dialogue (fixtures hold other files too)."""
    return isinstance(document, Mapping) and document.get("kind") == "dialogue"


def load(path: Path) -> Dialogue:
    """The dialogue of a file. Raises DialogueError."""
    try:
        if path.stat().st_size > MAX_FILE:
            raise DialogueError(f"{path}: larger than {MAX_FILE} bytes")
        document = _parsed(path.read_text("utf-8"))
    except OSError as error:
        raise DialogueError(f"{path}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise DialogueError(f"{path}: is no YAML: {' '.join(str(error).split())}") from None
    if not is_dialogue(document):
        raise DialogueError(f"{path}: is no dialogue (`kind: dialogue` is missing)")
    try:
        found = Dialogue.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise DialogueError(f"{path}: {where}: {first['msg'].removeprefix('Value error, ')}") from None
    for number, step in enumerate(found.steps, 1):
        for text in (step.device, step.gateway):
            if text is not None:
                try:
                    found.bytes_of(text)
                except DialogueError as error:
                    raise DialogueError(f"{path}: step {number}: {error}") from None
    return found


def _parsed(text: str) -> Any:
    """The YAML document; of a recording that was cut off inside its last line, without that line."""
    whole, end, torn = text.rpartition("\n")
    if torn and text.startswith(RECORDED):
        return yaml.load(whole + end, Loader=_LOADER)
    return yaml.load(text, Loader=_LOADER)


def find(folders: Sequence[Path]) -> list[Path]:
    """The dialogue files in these folders and below, sorted. Raises DialogueError for a folder that is not there."""
    found = []
    for folder in folders:
        if folder.is_file():
            found.append(folder)
            continue
        if not folder.is_dir():
            raise DialogueError(f"{folder}: there is no such file or folder")
        for path in sorted(folder.rglob("*.yaml")):
            with path.open(encoding="utf-8") as lines:
                head = [next(lines, "") for _ in range(20)]
            if any(line.rstrip() == "kind: dialogue" for line in head):
                found.append(path)
    return found
