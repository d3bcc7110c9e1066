"""`emulate`: believable devices against an address."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tracker_gateway.cli.decode import TRANSPORTS, link_of
from tracker_gateway.cli.device_ids import following, sample
from tracker_gateway.cli.opened import config_option, use_catalogue
from tracker_gateway.cli.output import Failure, reports_errors
from tracker_gateway.cli.values import parse_options, parse_settings

if TYPE_CHECKING:
    from tracker_codecs.contract import Emulator, Faults

_ADDRESS = re.compile(r"\[?(?P<host>[^\[\]]+?)\]?:(?P<port>[0-9]{1,5})")
_CLAMP = re.compile(r"(?P<name>\w+)=(?P<low>-?[0-9.]+)\.\.(?P<high>-?[0-9.]+)")


@click.command()
@click.argument("address", metavar="HOST:PORT")
@click.option("--model", metavar="CODE", help="The model to be, such as telfmb920.")
@click.option("--codec", metavar="FAMILY", help="In place of --model: the codec family.")
@click.option("--variant", metavar="NAME", help="With --codec: the variant; its first by default.")
@click.option("--count", type=click.IntRange(1, 50_000), default=1, show_default=True, help="How many devices.")
@click.option("--device-id", metavar="ID", help="Id of the first device; the others count on from it.")
@click.option("--transport", type=click.Choice(TRANSPORTS), help="The link; the family's first by default.")
@click.option("--settings", metavar="JSON", help="What the devices are set to at first.")
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="An option of the codec, as password=1.")
@click.option("--every", type=click.FloatRange(0.01), metavar="SECONDS", help="Report so often, whatever is set.")
@click.option("--seconds", type=click.FloatRange(0), metavar="SECONDS", help="Stop after so long.")
@click.option(
    "--clamp", multiple=True, metavar="NAME=LOW..HIGH", help="Accept this setting, keep the nearest in range."
)
@click.option("--refuse", multiple=True, metavar="NAME", help="Refuse this setting.")
@click.option("--ignore", multiple=True, metavar="NAME", help="Accept this setting and forget it.")
@click.option("--silent", is_flag=True, help="Never answer a command.")
@click.option(
    "--awake", type=click.FloatRange(0.1), metavar="SECONDS", help="Sleep: keep the link up only so long, then ..."
)
@click.option("--asleep", type=click.FloatRange(0.1), metavar="SECONDS", help="... down so long.")
@click.option("--rate", type=click.FloatRange(0.1), default=500.0, show_default=True, help="Connects a second.")
@click.option("--broker-user", metavar="NAME", help="User at an MQTT broker.")
@click.option(
    "--broker-password",
    metavar="TEXT",
    envvar="BROKER_PASSWORD",
    help="Its password; better in the environment, as BROKER_PASSWORD.",
)
@config_option
@reports_errors
def emulate(
    address: str,
    model: str | None,
    codec: str | None,
    variant: str | None,
    count: int,
    device_id: str | None,
    transport: str | None,
    settings: str | None,
    options: tuple[str, ...],
    every: float | None,
    seconds: float | None,
    clamp: tuple[str, ...],
    refuse: tuple[str, ...],
    ignore: tuple[str, ...],
    silent: bool,
    awake: float | None,
    asleep: float | None,
    rate: float,
    broker_user: str | None,
    broker_password: str | None,
    config_path: Path | None,
) -> None:
    """Run emulated trackers against HOST:PORT, until interrupted.

    They log in, report, obey and answer as real ones do, or misbehave as told. The exit code is 1 when the address
    refuses them all.

    \b
    Examples:
      tracker-gateway emulate 127.0.0.1:5027 --model telfmb920
      tracker-gateway emulate 127.0.0.1:5023 --codec gt06 --count 100 --every 10
      tracker-gateway emulate 127.0.0.1:5004 --model gl200 --awake 20 --asleep 300
    """
    from tracker_codecs import registry

    from tracker_gateway.emulation import Fleet, Pace
    from tracker_gateway.emulation.run import allow_sockets, run_fleet
    from tracker_gateway.process.loop import run_loop

    host, port = address_of(address)
    if (model is None) == (codec is None):
        raise click.UsageError("say who the devices are: --model or --codec, and not both")
    if (awake is None) != (asleep is None):
        raise click.UsageError("--awake and --asleep belong together")
    login = (broker_user, broker_password or "") if broker_user is not None else None
    use_catalogue(config_path)
    family_name, variant, id_type, known = _who(model, codec, variant)
    family = registry.get(family_name)
    if variant is None:
        variant = next(iter(family.variants), "")
    link = link_of(family, transport)
    try:
        ids = following(id_type, device_id or sample(id_type), count)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    faults = _faults(clamp, refuse, ignore, silent)
    start = parse_settings(settings) if settings is not None else None
    devices: list[Emulator] = [
        family.emulator(
            each, variant, transport=link, settings=start, faults=faults, options={**known, **parse_options(options)}
        )
        for each in ids
    ]
    click.echo(f"{count} x {family.name} {variant} -> {host}:{port} ({link.value}), from {ids[0]}", err=True)
    fits = allow_sockets(count)
    if fits < count:
        click.echo(f"the limit on open files (ulimit -n) leaves room for {fits} of them only", err=True)
    pace = Pace(every=every, awake=awake, asleep=asleep or 0.0)
    fleet = Fleet(devices, family, link, host, port, pace=pace, rate=rate, login=login)
    if not run_loop(run_fleet(fleet, seconds=seconds)):
        raise Failure(f"nobody got a link to {host}:{port}: {fleet.problem or 'no time'}; does a gateway listen there?")


def address_of(text: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT`. Raises UsageError."""
    found = _ADDRESS.fullmatch(text)
    if found is None or not 0 < int(found["port"]) < 65536:
        raise click.UsageError(f"an address is written HOST:PORT, not {text!r}")
    return found["host"], int(found["port"])


def _who(model: str | None, codec: str | None, variant: str | None) -> tuple[str, str | None, str, dict[str, Any]]:
    """Family, variant, id type, options."""
    if model is None:
        assert codec is not None
        return codec, variant, "imei", {}
    from tracker_profiles import models

    if variant is not None:
        raise click.UsageError("--variant belongs to --codec; a model has its own")
    known = models.get(model)
    if known.codec is None:
        raise click.ClickException(f"there is no codec for {model}: {known.reason}")
    return known.codec, known.variant, known.id_type, dict(known.options)


def _faults(clamp: Iterable[str], refuse: Iterable[str], ignore: Iterable[str], silent: bool) -> Faults:
    from tracker_codecs.contract import Faults

    ranges = {}
    for text in clamp:
        found = _CLAMP.fullmatch(text)
        if found is None:
            raise click.UsageError(f"--clamp is written NAME=LOW..HIGH, not {text!r}")
        ranges[found["name"]] = (float(found["low"]), float(found["high"]))
    return Faults(ranges, frozenset(refuse), frozenset(ignore), silent)
