"""Options of the test run."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("hardware", "a real device, for `-m hardware`")
    group.addoption("--device", metavar="PORT", help="the serial port it is on")
    group.addoption("--device-model", metavar="CODE", help="its model; without it, it is asked")
