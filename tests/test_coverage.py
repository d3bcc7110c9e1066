"""The coverage table is made from what the code says, and the page in docs/ is current."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.gateway.cli_runner import tg

PAGE = Path(__file__).parent.parent / "docs" / "coverage.md"


def fresh(*arguments: str) -> str:
    """What the command prints in a process of its own: other tests add families and models to this one."""
    command = [sys.executable, "-m", "tracker_gateway.cli", "models", "coverage", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def test_the_page_is_current() -> None:
    assert PAGE.read_text("utf-8") == fresh("--markdown"), "run: tracker-gateway models coverage --markdown"


def test_every_profile_is_pushed_or_says_why_not_and_reaches_what_its_documents_say() -> None:
    rows: dict[str, dict[str, Any]] = {row["profile"]: row for row in json.loads(fresh("--json"))}
    assert sum(row["public"] for row in rows.values()) == 139
    for name, row in rows.items():
        assert bool(row["codec"]) != bool(row["why_not"]), name
        assert (row["strongest"] is None) == (not row["codec"])
    assert (rows["telfm"]["codec"], rows["telfm"]["strongest"]) == (["teltonika", "teltonika-mqtt"], "read_back")
    assert (rows["gl200"]["codec"], rows["gl200"]["strongest"]) == (["queclink"], "read_back")
    assert rows["concoxgt02"]["codec"] == []


def test_first_bytes_are_identified() -> None:
    login = tg("identify", "000F333536333037303432343431303133")
    assert login.code == 0
    assert "teltonika" in login.out
    assert "login of device 356307042441013" in login.out
    assert tg("identify", "47455420").code == 1
    assert tg("identify", "xyz").code == 2
