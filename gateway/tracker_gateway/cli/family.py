"""`family check`: what a template file describes, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tracker_gateway.cli.device_ids import SAMPLE_IMEI
from tracker_gateway.cli.output import Failure, Negative, reports_errors, show_table

if TYPE_CHECKING:
    from tracker_codecs.contract import Capability
    from tracker_codecs.family import Family
    from tracker_codecs.template import Spec
    from tracker_profiles.profiles import Profile


@click.group()
def family() -> None:
    """Families described in a file, without code (docs/family-template.md).

    \b
    Example:
      tracker-gateway family check families/mine.yaml
    """


@family.command()
@click.argument("file", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@reports_errors
def check(file: Path) -> None:
    """Read the template FILE, say what is missing, and show what would go over the wire.

    \b
    Example:
      tracker-gateway family check families/mine.yaml
    """
    from tracker_codecs.template import TemplateError, family_of, read
    from tracker_profiles import profiles

    try:
        spec = read(file)
    except TemplateError as error:
        raise Failure("; ".join(str(error).splitlines())) from None
    made = family_of(spec)
    profile = profiles.get(spec.profile)
    click.echo(f"{made.name}: {made.title}, profile {profile.name}")
    show_table(
        _fields(made.variants[spec.variant], profile), ("field", "best", "reason"), empty="the profile has no fields"
    )
    missing = [name for name in profile.fields if name not in spec.settings and name not in spec.unsupported]
    stray = [name for name in spec.settings if name not in profile.fields]
    for name in missing:
        click.echo(f"missing: {name} is a field of the profile: give it under settings, or under unsupported with why")
    for name in stray:
        click.echo(f"stray: {name} is no field of the profile {profile.name}")
    click.echo()
    _preview(made, spec, profile)
    if missing or stray:
        raise Negative


def _fields(able: Mapping[str, Capability], profile: Profile) -> list[dict[str, Any]]:
    rows = []
    for name in profile.fields:
        capability = able.get(name)
        best = None if capability is None or capability.best is None else capability.best.name.lower()
        rows.append({"field": name, "best": best or "none", "reason": capability.reason if capability else "missing"})
    return rows


def _preview(made: Family, spec: Spec, profile: Profile) -> None:
    """The wire, for the profile's first example."""
    from tracker_codecs.contract import Severity, Target
    from tracker_codecs.drive import against_emulator

    target = Target(SAMPLE_IMEI[: spec.device_id.maximum], variant=spec.variant, serial=32)
    asked = dict(next(iter(profile.schema.get("examples", [{}]))))
    problems = made.check(target, asked)
    for problem in problems:
        click.echo(f"{problem.field}: {problem.severity.value}: {problem.reason}")
    refused = {problem.field for problem in problems if problem.severity is Severity.REFUSE}
    asked = {name: value for name, value in asked.items() if name not in refused}
    unit = made.emulator(target.device_id, spec.variant)
    if not spec.commands:
        click.echo("no commands: its models need session_only: true, and a reason")
        for datum in unit.connect():
            click.echo(f"device says   {datum.data.decode('latin-1')!r}")
        return
    exchanges, outcome = against_emulator(made.apply(target, asked), unit, made.stream())
    for datum in unit.connect():
        click.echo(f"device says   {datum.data.decode('latin-1')!r}")
    for exchange in exchanges:
        click.echo(f"gateway says  {exchange.command.payload.decode('latin-1')!r}")
        for message in exchange.reply.messages:
            click.echo(f"device says   {message.frame.decode('latin-1')!r}")
    for name, field in outcome.fields.items():
        click.echo(f"{name}: {field.state.value}{f' ({field.reason})' if field.reason else ''}")
