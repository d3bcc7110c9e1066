"""A serial port: found, opened for us alone, read, written within a bound, lost. Everything that knows serialx.

`socket://HOST:PORT` is a port too: a serial server, or a device that speaks on a TCP port of its own as it does on its
serial port (Meshtastic: 4403). There the gateway dials.

DTR and RTS are inactive while the port is open: on many boards either of them resets the unit.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import serialx

from tracker_gateway.process.address import SOCKET, socket_address

#: Seconds that opening may take, and that bytes under way get when the port is closed.
OPEN_TIMEOUT, CLOSE_TIMEOUT = 10.0, 2.0
#: Bytes that may wait for a device that takes none.
WRITE_BUFFER = 65_536
#: Seconds of silence before a TCP peer is probed, between probes, and probes that may fail: gone is told in a minute.
_KEEPALIVE = ((socket.TCP_KEEPIDLE, 30), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3))


class PortError(Exception):
    """A port cannot be opened; the text names it and says why and what to do."""


@dataclass(frozen=True, slots=True)
class LineForm:
    """How a port is set: bit/s (0: on the network), parity N, E, O, 1 or 2 stop bits; 8 data bits, no flow control."""

    baudrate: int
    parity: str = "N"
    stopbits: int = 1

    def __str__(self) -> str:
        return f"{self.baudrate} 8{self.parity}{self.stopbits}" if self.baudrate else "a TCP port"


@dataclass(frozen=True, slots=True)
class PortInfo:
    """A port that is plugged in. `path` is its lasting name where it has one (by-id), `tty` the present one."""

    path: str
    tty: str
    vid: int | None = None
    pid: int | None = None
    usb_serial: str | None = None
    text: str = ""

    @property
    def usb_id(self) -> str:
        """`vvvv:pppp`, empty for a port that is not on USB."""
        return "" if self.vid is None or self.pid is None else f"{self.vid:04x}:{self.pid:04x}"


def plugged_in() -> list[PortInfo]:
    """The ports of this machine, by name. Blocks for some milliseconds."""
    found = []
    for each in serialx.list_serial_ports():
        parts = (each.manufacturer, each.product)
        text = " ".join(part.strip() for part in parts if part and part.strip())
        found.append(
            PortInfo(str(each.device), str(each.resolved_device), each.vid, each.pid, each.serial_number, text)
        )
    return sorted(found, key=lambda port: port.tty)


def matching(ports: Iterable[PortInfo], vid: int, pid: int | None, usb_serial: str | None) -> str:
    """The path of the one port of these with this USB id. Raises PortError for none, and for several."""
    found = [
        port for port in ports if port.vid == vid and pid in (None, port.pid) and usb_serial in (None, port.usb_serial)
    ]
    wanted = f"USB {vid:04x}:{'*' if pid is None else f'{pid:04x}'}" + (f" serial {usb_serial}" if usb_serial else "")
    if not found:
        raise PortError(f"{wanted} is not plugged in")
    if len(found) > 1:
        names = ", ".join(port.path for port in found)
        raise PortError(f"{wanted} is plugged in {len(found)} times ({names}); give usb_serial, or port")
    return found[0].path


class Port(asyncio.Protocol):
    """One port. `heard` is called with bytes as they come, `lost` once, with why, when the port went by itself."""

    def __init__(self, path: str, form: LineForm, *, limit: int = WRITE_BUFFER) -> None:
        self.path = path
        self.form = form
        self.heard: Callable[[bytes], None] = lambda data: None
        self.lost: Callable[[str], None] = lambda reason: None
        self._limit = limit
        self._transport: asyncio.Transport | None = None
        self._closing = False
        self._gone = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()

    async def open(self) -> None:
        """Open it for us alone; what lay in its buffers is thrown away. Raises PortError."""
        try:
            async with asyncio.timeout(OPEN_TIMEOUT):
                if self.path.startswith(SOCKET):
                    await asyncio.get_running_loop().create_connection(lambda: self, *socket_address(self.path))
                    return
                await serialx.create_serial_connection(
                    asyncio.get_running_loop(),
                    lambda: self,
                    self.path,
                    baudrate=self.form.baudrate,
                    parity=serialx.Parity(self.form.parity),
                    stopbits=serialx.StopBits(self.form.stopbits),
                    exclusive=True,
                    dtr_on_open=serialx.PinState.LOW,
                    rts_on_open=serialx.PinState.LOW,
                )
        except (OSError, serialx.SerialException, ValueError) as error:
            raise PortError(why_not(self.path, self.form, error)) from None

    # -- asyncio.Protocol ---------------------------------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open and set."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        wire = transport.get_extra_info("socket")
        if wire is not None:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in _KEEPALIVE:
                wire.setsockopt(socket.IPPROTO_TCP, option, value)
        transport.set_write_buffer_limits(high=self._limit)

    def data_received(self, data: bytes) -> None:
        """Bytes came in."""
        if not self._closing:
            self.heard(data)

    def pause_writing(self) -> None:
        """The device takes no more for now."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """It does again."""
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """The port is gone: unplugged, or closed by us."""
        self._transport = None
        self._gone.set()
        self._writable.set()
        if not self._closing:
            self._closing = True
            number = getattr(exc, "errno", None)
            if self.path.startswith(SOCKET):
                self.lost(f"the connection broke: {os.strerror(number).lower()}" if number else "the device hung up")
                return
            unplugged = number in (errno.EIO, errno.ENXIO, errno.ENODEV, None)
            self.lost("the port was unplugged" if unplugged else f"the port broke: {os.strerror(number or 0).lower()}")

    # -- use ----------------------------------------------------------------------------------------------------------
    @property
    def is_open(self) -> bool:
        """Bytes can be written."""
        return self._transport is not None and not self._closing

    def write(self, data: bytes) -> bool:
        """Hand over bytes. False: the port is gone, or too many bytes wait already; then none was taken."""
        transport = self._transport
        if transport is None or self._closing or transport.is_closing():
            return False
        if transport.get_write_buffer_size() + len(data) > self._limit:
            return False
        transport.write(data)
        return True

    async def drain(self) -> None:
        """Wait until the device took most of what waits."""
        await self._writable.wait()

    def abort(self) -> None:
        """Close it now; what waits is thrown away. `lost` is not called."""
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    async def close(self) -> None:
        """Close it, after what waits or after two seconds. `lost` is not called."""
        self._closing = True
        if self._transport is None:
            return
        self._transport.close()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._gone.wait()
        except TimeoutError:
            self.abort()
            await self._gone.wait()


def why_not(path: str, form: LineForm, error: Exception) -> str:
    """Why a port cannot be opened, and what to do."""
    if path.startswith(SOCKET):
        return _why_no_connection(path, error)
    match getattr(error, "errno", None):
        case errno.ENOENT | errno.ENODEV | errno.ENXIO:
            return f"{path} is not there: nothing is plugged in under this name"
        case errno.EBUSY | errno.EAGAIN:
            return f"{path} is in use by another program (ModemManager, gpsd, a terminal?); end that one"
        case errno.EACCES | errno.EPERM:
            return f"{path} may not be opened: {_who_may(path)}"
        case errno.ENOTTY | errno.EINVAL | errno.EISDIR:
            return f"{path} is no serial port, or does not take {form}"
        case int() as number:
            return f"{path} cannot be opened: {os.strerror(number).lower()}"
    if isinstance(error, TimeoutError):
        return f"{path} does not open within {OPEN_TIMEOUT:.0f} s"
    return f"{path} cannot be opened with {form}: {error}"


def _why_no_connection(path: str, error: Exception) -> str:
    if isinstance(error, socket.gaierror):
        return f"{path}: the name of the host is not known"
    if isinstance(error, TimeoutError):
        return f"{path} does not answer: is the device on, and in this network?"
    if isinstance(error, ConnectionRefusedError):
        return f"{path} refuses the connection: is the port right, and is nobody else connected?"
    if isinstance(error, ValueError):
        return str(error)
    number = getattr(error, "errno", None)
    return f"{path} cannot be reached: {os.strerror(number).lower() if number else error}"


def _who_may(path: str) -> str:
    """Whom the port belongs to, in words of what to do."""
    try:
        import grp
        import pwd

        found = Path(path).stat()
        group, owner = _name(grp.getgrgid, found.st_gid), _name(pwd.getpwuid, found.st_uid)
        user = _name(pwd.getpwuid, os.geteuid())
    except (ImportError, OSError):
        return "permission denied"
    if found.st_mode & 0o060 == 0o060:
        return f"it belongs to the group {group}; add the user {user} to it and log in again"
    return f"only the user {owner} may, and this is {user}"


def _name(find: Callable[[int], tuple[object, ...]], number: int) -> str:
    try:
        return str(find(number)[0])
    except KeyError:
        return str(number)
