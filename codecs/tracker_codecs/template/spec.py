"""What a template file says, checked when it is read; every complaint names the file and the key."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from tracker_codecs.template.checksums import CHECKSUMS
from tracker_codecs.template.pattern import Pattern

#: Bytes of a template file that are read at most.
MAX_FILE = 256 * 1024
Text = Annotated[str, Field(min_length=1, max_length=500)]
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class TemplateError(Exception):
    """A template file cannot be used; each line of the text names the file, the key and what is wrong."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Frame(_Part):
    """How a frame of the device begins and ends, and one of the server where that differs.

    `ignore`: characters between frames, such as line ends. A server's frame may end with nothing.
    """

    start: str = Field(default="", max_length=8)
    end: Text
    server_start: str | None = Field(default=None, max_length=8)
    server_end: str | None = Field(default=None, max_length=8)
    ignore: str = Field(default="\r\n", max_length=16)
    checksum: str = ""
    max_length: int = Field(default=1024, ge=8, le=65536)

    @field_validator("checksum")
    @classmethod
    def _known(cls, name: str) -> str:
        if name and name not in CHECKSUMS:
            raise ValueError(f"no checksum {name!r}; known are {', '.join(CHECKSUMS)}")
        return name


class DeviceId(_Part):
    """What a device id looks like in a frame."""

    characters: Literal["digits", "hex", "letters and digits"] = "digits"
    minimum: int = Field(default=5, ge=1)
    maximum: int = Field(default=20, le=64)

    @property
    def pattern(self) -> str:
        """As a regular expression."""
        sort = {"digits": "0-9", "hex": "0-9A-Fa-f", "letters and digits": "0-9A-Za-z"}[self.characters]
        return f"[{sort}]{{{self.minimum},{self.maximum}}}"


class Heard(_Part):
    """A message of the device: the text of the frame between start and end, and what is owed in answer.

    `raw`: the answer is sent as it stands, without the envelope of a frame.
    """

    kind: Literal["login", "heartbeat", "report", "reply", "other"]
    text: Text
    owed: str = ""
    raw: bool = False


class Form(_Part):
    """How a number is written: `scale` profile units are one of the device's; `format` is a Python format of it."""

    scale: int = Field(default=1, ge=1)
    format: str = Field(default="d", pattern=r"^(0?\d{0,2})[dxX]$")
    suffix: str = Field(default="", max_length=8)
    minimum: int = 0
    maximum: int = 2**31 - 1


class Setting(_Part):
    """One field of the profile: numbers by the first form that takes them exactly, or words."""

    forms: tuple[Form, ...] = (Form(),)
    words: dict[str, str] = Field(default_factory=dict)


class CommandSpec(_Part):
    """A command that writes fields; what acknowledges and refuses it; the query and the answer that reads them."""

    write: Text
    acknowledged: str = ""
    refused: str = ""
    query: str = ""
    answer: str = ""
    timeout: float = Field(default=30.0, gt=0, le=600)

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        if bool(self.query) != bool(self.answer):
            raise ValueError("query and answer belong together")
        return self


class Spec(_Part):
    """The whole file."""

    family: str = Field(pattern=r"^[a-z][a-z0-9-]{1,40}$")
    title: Text
    sources: tuple[Text, ...] = Field(min_length=1)
    acknowledgement_proves: Text
    profile: Text
    variant: str = Field(default="standard", pattern=r"^[a-z0-9_]+$")
    transports: tuple[Literal["tcp", "udp"], ...] = ("tcp",)
    port: int = Field(default=0, ge=0, le=65535)
    idle: float = Field(default=600.0, gt=0)
    experimental: bool = False
    frame: Frame
    device_id: DeviceId = DeviceId()
    messages: tuple[Heard, ...] = Field(min_length=1)
    settings: dict[str, Setting] = Field(default_factory=dict)
    commands: tuple[CommandSpec, ...] = ()
    unsupported: dict[str, Text] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """Every place is known, every setting written exactly once, and no text holds what ends a frame."""
        known = {*self.settings, "id"}
        for where, text in self.texts():
            pattern = Pattern(text)
            stray = set(pattern.places) - known
            if stray:
                raise ValueError(f"{where}: {{{min(stray)}}} is no setting of this file")
            literal = "".join(piece.literal for piece in pattern.pieces)
            to_device = where.endswith((".owed", ".write", ".query"))
            end = self.frame.end if not to_device or self.frame.server_end is None else self.frame.server_end
            if (end and end in literal) or not all(" " <= char <= "~" for char in literal):
                raise ValueError(f"{where}: holds the end of a frame, or a character that is not printable ASCII")
        written = [place for each in self.commands for place in Pattern(each.write).places if place != "id"]
        for name in self.settings:
            if written.count(name) != 1:
                raise ValueError(f"settings.{name}: is written by {written.count(name)} commands, must be one")
        for name in self.unsupported:
            if name in self.settings:
                raise ValueError(f"unsupported.{name}: is a setting of this file too")
        if not any("id" in Pattern(each.text).places for each in self.messages):
            raise ValueError("messages: none tells the device id, as {id}")
        return self

    def texts(self) -> list[tuple[str, str]]:
        """Every text with places, and the key it stands at."""
        found = [
            (f"messages.{n}.{key}", getattr(each, key))
            for n, each in enumerate(self.messages)
            for key in ("text", "owed")
        ]
        found += [
            (f"commands.{n}.{key}", getattr(each, key))
            for n, each in enumerate(self.commands)
            for key in ("write", "acknowledged", "refused", "query", "answer")
        ]
        return [(where, text) for where, text in found if text]


def read(path: Path) -> Spec:
    """The template of a file. Raises TemplateError."""
    try:
        if path.stat().st_size > MAX_FILE:
            raise TemplateError(f"{path}: larger than {MAX_FILE} bytes")
        return parse(path.read_text("utf-8"), str(path), toml=path.suffix == ".toml")
    except OSError as error:
        raise TemplateError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise TemplateError(f"{path}: is no UTF-8 text") from None


def parse(text: str, name: str, *, toml: bool = False) -> Spec:
    """The template in a text. Raises TemplateError."""
    try:
        document = tomllib.loads(text) if toml else yaml.load(text, Loader=_LOADER)
    except (tomllib.TOMLDecodeError, yaml.YAMLError) as error:
        raise TemplateError(f"{name}: cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(document, Mapping):
        raise TemplateError(f"{name}: is no mapping of keys")
    try:
        return Spec.model_validate(document)
    except ValidationError as error:
        lines = []
        for each in error.errors(include_url=False):
            where = ".".join(str(part) for part in each["loc"])
            said = str(each["msg"]).removeprefix("Value error, ")
            lines.append(f"{name}: {f'{where}: ' if where else ''}{said}")
        raise TemplateError("\n".join(lines)) from None
