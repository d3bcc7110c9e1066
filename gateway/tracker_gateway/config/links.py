"""The sections of the configuration that say how trackers are reached: listeners, brokers, serial ports, limits."""

from __future__ import annotations

import difflib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from tracker_codecs import registry
from tracker_codecs.contract import Transport
from tracker_codecs.errors import LocalError

from tracker_gateway.process.address import socket_address

Seconds = Annotated[float, Field(gt=0, le=10 * 365 * 86400)]
Host = Annotated[str, Field(min_length=1)]
#: 0: any free one.
Port = Annotated[int, Field(ge=0, le=65535)]


class Section(BaseModel):
    """Unknown keys are refused, values are taken as they are, and nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


#: Every family that speaks TCP.
AUTO = "auto"


class ListenerConfig(Section):
    """A port that trackers connect to, or send datagrams to.

    Several families may share a port: the first bytes of a TCP link decide, on UDP the device that a datagram names.
    `auto` stands for all that speak over this transport.
    """

    family: str | tuple[str, ...]
    transport: Transport = Transport.TCP
    host: Host = "0.0.0.0"
    port: Port

    @field_validator("family")
    @classmethod
    def _known(cls, family: str | tuple[str, ...]) -> str | tuple[str, ...]:
        names = registry.names()
        for name in (family,) if isinstance(family, str) else family:
            if name not in names and (name, family) != (AUTO, AUTO):
                raise ValueError(f"there is no codec family {name!r}{close_to(name, names)}")
        if not family or (not isinstance(family, str) and len(set(family)) != len(family)):
            raise ValueError("names no family, or one twice")
        return family

    @field_validator("transport")
    @classmethod
    def _listens(cls, transport: Transport) -> Transport:
        if transport not in (Transport.TCP, Transport.UDP):
            raise ValueError(f"a listener is tcp or udp, not {transport.value}")
        return transport

    @model_validator(mode="after")
    def _spoken(self) -> Self:
        for name in self.families:
            if self.transport not in registry.get(name).transports:
                raise ValueError(f"{name} does not speak {self.transport.value}")
        return self

    @property
    def families(self) -> tuple[str, ...]:
        """The names of the families that are served here."""
        if self.family == AUTO:
            return tuple(each.name for each in registry.all_families() if self.transport in each.transports)
        return (self.family,) if isinstance(self.family, str) else self.family


class BrokerConfig(Section):
    """An MQTT broker that trackers of one family are reached through."""

    family: str
    host: Host
    port: Port = 1883
    #: Protocol version; The Things Stack and many trackers speak 3.1.1.
    version: Literal["3.1", "3.1.1", "5"] = "3.1.1"
    tls: bool = False
    #: Files: the authority that signed the broker's certificate, our certificate and its key.
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    user: str = ""
    password: SecretStr = SecretStr("")
    #: Empty: one is made up at each connection. A persistent session (`clean = false`) needs one.
    client_id: str = ""
    keepalive: int = Field(default=60, ge=5, le=65535)
    clean: bool = True
    subscribe_qos: Literal[0, 1, 2] = 1
    publish_qos: Literal[0, 1, 2] = 1
    #: Topic filters in place of the family's own.
    topics: tuple[str, ...] = ()
    #: Options of the family, as `prefix`; below those of model and tracker.
    options: dict[str, Any] = Field(default_factory=dict)
    #: Messages that may wait, in each direction.
    queue: int = Field(default=10_000, ge=10)

    @field_validator("family")
    @classmethod
    def _known(cls, name: str) -> str:
        names = registry.names()
        if name not in names:
            raise ValueError(f"there is no codec family {name!r}{close_to(name, names)}")
        return name

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if Transport.MQTT not in registry.get(self.family).transports:
            raise ValueError(f"{self.family} does not speak mqtt")
        if not self.clean and not self.client_id:
            raise ValueError("clean = false needs a client_id: the broker keeps the session under it")
        if not self.tls and (self.ca or self.certificate or self.key):
            raise ValueError("ca, certificate and key belong to tls = true")
        if self.key and not self.certificate:
            raise ValueError("key belongs to a certificate")
        if self.password.get_secret_value() and not self.user:
            raise ValueError("password belongs to a user")
        for topic in self.topics:
            if not _is_filter(topic):
                raise ValueError(f"topics: {topic!r} is no topic filter (+ is a whole level, # the whole last one)")
        try:
            registry.get(self.family).topics(self.options)
        except LocalError as error:
            raise ValueError(f"options: {error}") from None
        return self


class SerialConfig(Section):
    """A port of this machine with a registered device on it: named by `port`, or found by its USB ids."""

    family: str
    #: The device id under which the unit on this port is registered.
    device_id: str = Field(min_length=1)
    #: A path such as /dev/serial/by-id/..., or socket://HOST:PORT, which is dialled (Meshtastic, serial servers).
    port: str | None = Field(default=None, min_length=1)
    vid: int | None = Field(default=None, ge=0, le=0xFFFF)
    pid: int | None = Field(default=None, ge=0, le=0xFFFF)
    usb_serial: str | None = Field(default=None, min_length=1)
    #: bit/s, parity, stop bits; None: as the family's devices leave the factory.
    baudrate: int | None = Field(default=None, ge=50, le=4_000_000)
    parity: Literal["N", "E", "O"] | None = None
    stopbits: Literal[1, 2] | None = None
    #: Seconds after opening in which nothing is said and nothing heard: boards that restart when they are opened.
    settle: float = Field(default=0.0, ge=0, le=60)
    #: Options of the family; below those of model and tracker.
    options: dict[str, Any] = Field(default_factory=dict)

    @field_validator("family")
    @classmethod
    def _known(cls, name: str) -> str:
        names = registry.names()
        if name not in names:
            raise ValueError(f"there is no codec family {name!r}{close_to(name, names)}")
        return name

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if Transport.SERIAL not in registry.get(self.family).transports:
            raise ValueError(f"{self.family} does not speak on a serial port")
        if self.port is not None and "://" in self.port:
            socket_address(self.port)
        if (self.port is None) == (self.vid is None):
            raise ValueError("give port, or the USB vid (with pid and usb_serial), and not both")
        if self.vid is None and (self.pid is not None or self.usb_serial is not None):
            raise ValueError("pid and usb_serial belong to vid")
        return self

    @property
    def usb_id(self) -> str:
        """How the port is found, for people."""
        parts = ("*" if each is None else f"{each:04x}" for each in (self.vid, self.pid))
        return f"USB {':'.join(parts)}" + (f" {self.usb_serial}" if self.usb_serial else "")


def _is_filter(topic: str) -> bool:
    """MQTT 3.1.1, 4.7.1."""
    levels = topic.split("/")
    plain = all(level in ("+", "#") or not set(level) & set("+#\0") for level in levels)
    return bool(topic) and plain and "#" not in levels[:-1]


class Unregistered(StrEnum):
    """What happens to a device id that is not registered."""

    LIST = "list"
    REFUSE = "refuse"


class LinksConfig(Section):
    """Limits on the links of trackers."""

    unregistered: Unregistered = Unregistered.LIST
    max_links: int = Field(default=50_000, ge=1)
    max_unidentified: int = Field(default=10_000, ge=1)
    max_unidentified_per_source: int = Field(default=2_000, ge=1)
    max_held: int = Field(default=5_000, ge=0)
    identify_timeout: Seconds = 30.0
    frame_timeout: Seconds = 20.0
    #: Seconds of silence; None: the family's own figure.
    idle_timeout: Seconds | None = None
    write_buffer: int = Field(default=65_536, ge=4096)
    max_errors: int = Field(default=10, ge=1)
    stale_after: Seconds = 60.0
    udp_window: Seconds = 30.0
    udp_max_sources: int = Field(default=50_000, ge=1)


def close_to(word: str, known: list[str]) -> str:
    """What may have been meant by a word that is none of these."""
    matches = difflib.get_close_matches(word, known, 1)
    if matches:
        return f"; is {matches[0]!r} meant?"
    return f"; known are {', '.join(known)}" if known else ""
