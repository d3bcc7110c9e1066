"""Runs the command line in this process, as its console script would."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from unittest import mock

from tracker_gateway.cli import run


@dataclass
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str


def tg(*arguments: str, stdin: str = "", env: Mapping[str, str] | None = None) -> Result:
    """`tracker-gateway ARGUMENTS`."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    given = io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8")
    with (
        mock.patch.object(sys, "stdin", given),
        mock.patch.object(sys, "stdout", out),
        mock.patch.object(sys, "stderr", err),
        mock.patch.dict("os.environ", env or {}),
    ):
        code = run(arguments)
    texts = (stream.buffer.getvalue().decode() for stream in (out, err))  # type: ignore[attr-defined]  # BytesIO
    return Result(code, *texts)
