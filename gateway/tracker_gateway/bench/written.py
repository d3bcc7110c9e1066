"""The file of what was said at the bench: a dialogue that `replay` plays."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from secrets import token_bytes
from typing import Any

import yaml
from tracker_codecs.contract import FieldOutcome, Target, Transport

from tracker_gateway import __version__
from tracker_gateway.bench.work import Found, confirmed
from tracker_gateway.recording.redact import Cutter, Redactor, secrets_of
from tracker_gateway.recording.tape import encoded, encoding_of


def dialogue(
    found: Found,
    target: Target,
    asked_at: int,
    action: Mapping[str, Any],
    fields: Mapping[str, FieldOutcome],
    *,
    redact_ids: bool = False,
) -> tuple[str, int]:
    """The YAML text, secrets masked; `asked_at`: the number of steps before the action.

    `redact_ids` puts a made-up device id in place of the unit's own. What would still tell it is left out: how many
    pieces that are is the second value.
    """
    family = found.family
    redactor = Redactor(family, salt=token_bytes(16) if redact_ids else None, secrets=secrets_of(target.options))
    for each in (target.device_id, found.known.get("device_id", "")):
        redactor.rename(each)
    cutter = Cutter(family, Transport.SERIAL)
    said: list[tuple[str, bytes, float]] = []
    asked = 0
    for number, step in enumerate(found.line.steps):
        pieces = cutter.device(step.data) if step.device else cutter.server(step.data)
        fit = [piece for piece in map(redactor.piece, pieces) if piece is not None]
        said += [("device" if step.device else "gateway", piece, round(step.at, 3)) for piece in fit]
        asked = len(said) if number < asked_at else asked
    encoding = "ascii" if all(encoding_of(data) == "ascii" for _, data, _ in said) else "hex"
    lines: list[dict[str, Any]] = [{who: encoded(data, encoding), "at": at} for who, data, at in said]
    lines.insert(asked, {"do": dict(action)})
    firmware = redactor.text(found.known.get("firmware", ""))
    head: dict[str, Any] = {
        "kind": "dialogue",
        "family": family.name,
        "transport": "serial",
        "device_id": redactor.id_of(target.device_id),
        "model": target.model,
        "firmware": firmware,
        "encoding": encoding,
        "options": redactor.options(target.options),
        "provenance": {
            "kind": "recording",
            "source": f"tracker-gateway {__version__} bench record, {found.form}",
            "model": found.known.get("hardware", target.model),
            "firmware": firmware,
            "date": datetime.now(UTC).date().isoformat(),
            "redacted": "secrets masked" + ("; device id made up" if redact_ids else ""),
        },
        "steps": lines,
    }
    if confirmed(fields):
        head["outcome"] = {"state": "confirmed", "fields": dict.fromkeys(fields, "confirmed")}
    return yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=120), redactor.dropped
