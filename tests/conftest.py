"""Options of the test run."""

from __future__ import annotations

import pytest
from hypothesis import settings

# The machines are shared and noisy: how long an example takes is no property of the code.
settings.register_profile("noisy", deadline=None)
settings.load_profile("noisy")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("hardware", "a real device, for `-m hardware`")
    group.addoption("--device", metavar="PORT", help="the serial port it is on")
    group.addoption("--device-model", metavar="CODE", help="its model; without it, it is asked")
