"""Signed-off proofs: model, firmware and settings that were read back from a real unit, one small file each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Verified:
    """Verified on this model with this firmware on this day (UTC), signed off by somebody."""

    model: str
    codec: str
    firmware: str
    hardware: str
    date: str
    by: str
    form: str
    settings: Mapping[str, Any]
    gateway: str

    def __str__(self) -> str:
        firmware = f"firmware {self.firmware}" if self.firmware else "firmware not told"
        return f"on {self.date}, {firmware}, by {self.by}"


def default_folder() -> Path:
    """Where the records of this user are."""
    return Path.home() / ".local" / "share" / "tracker-gateway" / "verified"


def write(folder: Path, record: Verified, now: datetime) -> Path:
    """Keep a record; its file. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^A-Za-z0-9._-]", "_", record.model)
    path = folder / f"{name}-{now:%Y%m%dT%H%M%S%fZ}.json"
    with path.open("xb") as file:
        file.write(orjson.dumps(asdict(record), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    return path


def of_model(folder: Path, model: str) -> Sequence[Verified]:
    """The records of a model, oldest first; files that are none are passed over."""
    found = []
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        try:
            record = Verified(**orjson.loads(path.read_bytes()))
        except (OSError, TypeError, ValueError):
            continue
        if record.model == model:
            found.append(record)
    return found
