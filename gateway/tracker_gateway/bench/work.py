"""What is done at the bench: find out who is there, read, apply, verify."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tracker_codecs import registry
from tracker_codecs.contract import (
    FieldOutcome,
    FieldState,
    Outcome,
    Settings,
    Severity,
    Strength,
    Target,
    Transport,
)
from tracker_codecs.family import Family
from tracker_codecs.text import clean
from tracker_profiles import models, profiles

from tracker_gateway.bench.line import BenchError, BenchLine, Show, opened
from tracker_gateway.delivery.work import readable, same, serial_of
from tracker_gateway.process.address import SOCKET
from tracker_gateway.transports.port import LineForm, PortError

#: Rates at which an unknown port is listened to, bit/s, and seconds of it.
RATES, LISTEN = (9600, 38400, 115200), 2.0
#: Seconds that a device may take to restart.
RETURN = 30.0
#: Families whose question does no harm to anybody, in this order.
HARMLESS = ("ubx", "pmtk")


@dataclass
class Wanted:
    """What the user said of the device; None and empty: find out."""

    path: str
    codec: str | None = None
    model: str | None = None
    device_id: str | None = None
    baudrate: int | None = None
    timeout: float | None = None
    settle: float = 0.0
    options: Mapping[str, Any] = field(default_factory=dict)
    experimental: bool = False


@dataclass
class Found:
    """A device that answered."""

    line: BenchLine
    family: Family
    form: LineForm
    known: dict[str, str]
    model: str = ""
    device_id: str = ""

    def facts(self) -> dict[str, Any]:
        """For people."""
        return {
            "port": self.line.peer,
            "form": str(self.form),
            "codec": self.family.name,
            "model": self.model or None,
            "device_id": self.device_id or None,
            **{name: text for name, text in self.known.items() if name not in ("model", "device_id")},
        }


def family_of(wanted: Wanted) -> Family | None:
    """The family that the user named, directly or by a model. Raises UnknownName, LocalError, BenchError."""
    name = wanted.codec
    if wanted.model is not None:
        model = models.get(wanted.model)
        if model.codec is None:
            raise BenchError(f"there is no codec for {wanted.model}: {model.reason}")
        if name not in (None, model.codec):
            raise BenchError(f"{wanted.model} speaks {model.codec}, not {name}")
        name = model.codec
    if name is None:
        return None
    family = registry.get(name)
    if Transport.SERIAL not in family.transports:
        raise BenchError(f"{name} does not speak on a serial port")
    return family


def rates(wanted: Wanted, usual: Sequence[int] = RATES) -> Sequence[int]:
    """bit/s at which the port may be opened; none to choose on the network."""
    return (0,) if wanted.path.startswith(SOCKET) else (wanted.baudrate,) if wanted.baudrate else usual


def forms(family: Family, wanted: Wanted) -> Iterator[LineForm]:
    """How the port may be set: as told, else as the family's devices are, the factory's way first."""
    usual = family.serial
    parity, stopbits = (usual.parity, usual.stopbits) if usual else ("N", 1)
    for rate in rates(wanted, usual.baudrates if usual else RATES):
        yield LineForm(rate, parity, stopbits)


async def connect(wanted: Wanted, show: Show) -> Found:
    """Open the port and ask who is there. Raises BenchError, PortError, Interrupted."""
    family = family_of(wanted)
    if family is None:
        return _named(wanted, await _discover(wanted, show))
    problems = []
    for form in forms(family, wanted):
        found, problem = await _ask(wanted, family, form, show)
        if found is not None:
            return _named(wanted, found)
        problems.append(f"at {form}: {problem}")
    raise BenchError(f"nobody answers as {family.name} on {wanted.path}; {'; '.join(problems)}")


async def _ask(wanted: Wanted, family: Family, form: LineForm, show: Show) -> tuple[Found | None, str]:
    show(f"{wanted.path} at {form}, as {family.name}")
    line = await opened(wanted.path, form, family, show, patience=wanted.timeout)
    answered = False
    try:
        await asyncio.sleep(wanted.settle)
        line.speak(family)  # what a unit says while it starts is no answer
        line.steps.clear()
        target = Target(wanted.device_id or "", transport=Transport.SERIAL, options=wanted.options)
        outcome = await line.run(family.identify(target))
        answered = not outcome.unanswered
        if answered:
            return Found(line, family, form, {name: clean(text, 64) for name, text in outcome.known.items()}), ""
    finally:
        if not answered:
            await line.port.close()
    if not line.heard:
        return None, "nothing comes"
    return None, "it speaks, but does not answer" if line.good else "only garbage comes"


async def _discover(wanted: Wanted, show: Show) -> Found:
    """Listen first, then ask what harms nobody. Raises BenchError."""
    heard = b""
    for rate in rates(wanted):
        said = await _listen(wanted.path, LineForm(rate), show)
        heard = heard or said
        if b"\x94\xc3" in said:
            found, _ = await _ask(wanted, registry.get("meshtastic"), LineForm(rate), show)
            if found is not None:
                return found
        text = bool(said) and all(32 <= byte < 127 or byte in b"\r\n\t\x1b" for byte in said)
        if text and b"$G" not in said and b"$P" not in said:
            line = clean(said.strip().splitlines()[0] if said.strip() else b"", 80)
            raise BenchError(
                f"{wanted.path} prints text at {LineForm(rate)} ({line}): name the device with --codec or --model"
            )
        for name in HARMLESS if text or not said or b"$G" in said or b"\xb5\x62" in said else ():
            found, _ = await _ask(wanted, registry.get(name), LineForm(rate), show)
            if found is not None:
                return found
    what = "only garbage comes" if heard else "nothing comes, and no receiver answers"
    tried = ", ".join(str(LineForm(rate)) for rate in rates(wanted))
    raise BenchError(f"{wanted.path}: {what} at {tried}; name the device with --codec, and its --baudrate")


async def _listen(path: str, form: LineForm, show: Show) -> bytes:
    show(f"{path} at {form}: listening for {LISTEN:g} s")
    line = await opened(path, form, registry.get("ubx"), show)
    try:
        await asyncio.sleep(LISTEN)
    finally:
        await line.port.close()
    return b"".join(step.data for step in line.steps)[:65536]


def _named(wanted: Wanted, found: Found) -> Found:
    """With the model and device id that hold. Raises BenchError for a unit that is another one."""
    found.model = wanted.model or found.known.get("model", "")
    told = found.known.get("device_id", "")
    free = bool(found.model) and models.get(found.model).id_type.startswith("string")
    if wanted.device_id and told and told.casefold() != wanted.device_id.casefold() and not free:
        raise BenchError(f"the device on {wanted.path} is {told}, not {wanted.device_id}")
    found.device_id = wanted.device_id or told or ("bench" if free else "")
    said = found.known.get("model", found.model)
    if found.model and said != found.model and models.get(said).vendor != models.get(found.model).vendor:
        raise BenchError(f"the device on {wanted.path} says it is {said}, not {found.model}")
    return found


def target_of(wanted: Wanted, found: Found) -> Target:
    """The device as its codec sees it. Raises BenchError where its model or id is not known."""
    if not found.model:
        raise BenchError("the device does not tell its model: name it with --model")
    model = models.get(found.model)
    if not found.device_id:
        raise BenchError("the device does not tell its id: give it with --device-id")
    return Target(
        found.device_id,
        model.code,
        model.variant,
        Transport.SERIAL,
        {**model.options, **wanted.options},
        known={name: text for name, text in found.known.items() if name not in ("device_id", "model")},
        serial=serial_of(1),
        experimental=wanted.experimental,
    )


def problems_of(family: Family, target: Target, settings: Settings) -> list[str]:
    """What is wrong with settings before anything is sent."""
    profile = models.get(target.model).profile
    if profile is None:
        return [f"nothing can be set on {target.model}"]
    wrong = [f"{each.parameter}: {each.error}" for each in profiles.get(profile).validate(settings)]
    return wrong or [
        f"{each.field}: {each.reason}" for each in family.check(target, settings) if each.severity is Severity.REFUSE
    ]


async def returned(wanted: Wanted, found: Found, show: Show) -> bool:
    """Wait for a port that went while its device was being changed: some restart then. Whether the device is back."""
    show(f"the port went; waiting up to {RETURN:g} s for the device to come back")
    loop = asyncio.get_running_loop()
    until = loop.time() + RETURN
    while loop.time() < until and not found.line.interrupted:
        await asyncio.sleep(0.5)
        with suppress(PortError, BenchError):
            again, _ = await _ask(wanted, found.family, found.form, show)
            if again is not None:
                again.line.written = found.line.written
                found.line = again.line
                return again.known.get("device_id") == found.known.get("device_id")
    return False


def compared(settings: Settings, outcome: Outcome) -> dict[str, FieldOutcome]:
    """What a reading says of wanted settings."""
    found = {}
    for name, desired in settings.items():
        reported = outcome.reported.get(name)
        if reported is None:
            state, reason = FieldState.UNKNOWN, "the device did not tell it"
        elif same(reported, desired):
            state, reason = FieldState.CONFIRMED, ""
        else:
            state, reason = FieldState.MISMATCHED, f"the device reports {reported!r} instead of {desired!r}"
        strength = None if reported is None else Strength.READ_BACK
        found[name] = FieldOutcome(state, desired, reported, strength, reason)
    return found


def names(family: Family, target: Target, settings: Settings | None = None) -> Sequence[str]:
    """The settings to read: those that the device can be asked for, of these if any are given."""
    found = readable(family, target)
    return found if settings is None else [name for name in found if name in settings]


def confirmed(fields: Mapping[str, FieldOutcome]) -> bool:
    """Every field was read back and is as wanted."""
    return bool(fields) and all(
        each.state is FieldState.CONFIRMED and (each.strength or 0) >= Strength.READ_BACK for each in fields.values()
    )
