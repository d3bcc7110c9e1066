"""Emulated devices on real sockets: for demo, load and tests. What a device says is its codec's emulator's business."""

from tracker_gateway.emulation.device import Counters, Device, News, Pace
from tracker_gateway.emulation.fleet import Fleet

__all__ = ["Counters", "Device", "Fleet", "News", "Pace"]
