"""`encode`: the commands that bring settings to a model, shown and not sent."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tracker_gateway.cli.decode import TRANSPORTS, link_of
from tracker_gateway.cli.device_ids import SAMPLE_IMEI, sample
from tracker_gateway.cli.opened import config_option, use_catalogue
from tracker_gateway.cli.output import Negative, as_json, reports_errors
from tracker_gateway.cli.values import parse_options, parse_settings

if TYPE_CHECKING:
    from tracker_codecs.contract import Command, FieldOutcome, Outcome, Reply, Settings, Target
    from tracker_codecs.family import Family
    from tracker_profiles.models import Model


@click.command()
@click.option("--model", metavar="CODE", help="The model, such as telfmb920.")
@click.option("--settings", metavar="JSON", help="Settings of the model's tracking profile; - reads standard input.")
@click.option("--device-id", metavar="ID", help="The tracker's own id; a sample of the right form by default.")
@click.option(
    "--against",
    type=click.Choice(["emulator", "none"]),
    default="emulator",
    show_default=True,
    help="Who answers the commands. With none, every command is taken as accepted and nothing can be read.",
)
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="An option of the codec, as password=1.")
@click.option("--transport", type=click.Choice(TRANSPORTS), help="The link; the family's first by default.")
@click.option("--serial", type=click.IntRange(1), default=1, show_default=True, help="What command numbers start from.")
@click.option("--experimental", is_flag=True, help="Use facts of low confidence too.")
@click.option("--codec", metavar="FAMILY", help="With --command: the codec family that wraps it.")
@click.option("--variant", metavar="NAME", help="With --command: the codec's variant.")
@click.option("--command", "raw", metavar="TEXT", help="Wrap this command in the envelope of --codec.")
@config_option
@reports_errors
def encode(
    model: str | None,
    settings: str | None,
    device_id: str | None,
    against: str,
    options: tuple[str, ...],
    transport: str | None,
    serial: int,
    experimental: bool,
    codec: str | None,
    variant: str | None,
    raw: str | None,
    config_path: Path | None,
) -> None:
    """Show the commands that bring settings to a model: one JSON object each, then the outcome of every field.

    \b
    Examples:
      tracker-gateway encode --model telfmb920 --settings '{"tracking_interval": 60}'
      tracker-gateway encode --codec teltonika --command getver
    """
    use_catalogue(config_path)
    if raw is not None:
        if settings is not None:
            raise click.UsageError("--command and --settings exclude each other")
        if (codec is None) == (model is None):
            raise click.UsageError("--command needs --codec or --model, and not both")
        family, target = _raw_target(model, codec, variant)
    elif model is None or settings is None:
        raise click.UsageError("give --model and --settings, or --codec and --command")
    elif codec is not None or variant is not None:
        raise click.UsageError("--codec and --variant belong to --command; a model has its own")
    else:
        family, target = _model_target(model)
    target = _adjust(family, target, device_id, transport, serial, experimental, parse_options(options))
    if raw is not None:
        click.echo(as_json(_shown(family.raw(target, raw))))
        return
    assert settings is not None
    text = sys.stdin.read() if settings == "-" else settings
    _show_dialogue(family, target, parse_settings(text), against)


def _model_of(code: str, *, raw: bool) -> Model:
    from tracker_profiles import models

    model = models.get(code)
    if not (model.codec if raw else model.settable):
        raise click.ClickException(f"nothing can be pushed to {code}: {model.reason}")
    return model


def _model_target(code: str, *, raw: bool = False) -> tuple[Family, Target]:
    from tracker_codecs import registry
    from tracker_codecs.contract import Target

    model = _model_of(code, raw=raw)
    assert model.codec is not None
    family = registry.get(model.codec)
    return family, Target(
        sample(model.id_type),
        model.code,
        model.variant,
        options={**family.needed_options, **model.options},
        experimental=model.experimental,
    )


def _raw_target(model: str | None, codec: str | None, variant: str | None) -> tuple[Family, Target]:
    from tracker_codecs import registry
    from tracker_codecs.contract import Target

    if model is not None:
        return _model_target(model, raw=True)
    assert codec is not None
    family = registry.get(codec)
    if variant is None:
        variant = next(iter(family.variants), "")
    elif variant not in family.variants:
        raise click.UsageError(f"codec {codec} has no variant {variant!r}; it has {', '.join(family.variants)}")
    return family, Target(SAMPLE_IMEI, variant=variant)


def _adjust(
    family: Family,
    target: Target,
    device_id: str | None,
    transport: str | None,
    serial: int,
    experimental: bool,
    options: dict[str, Any],
) -> Target:
    from dataclasses import replace

    return replace(
        target,
        device_id=device_id or target.device_id,
        transport=link_of(family, transport),
        serial=serial,
        experimental=experimental or target.experimental,
        options={**target.options, **options},
    )


def _show_dialogue(family: Family, target: Target, settings: Settings, against: str) -> None:
    from tracker_codecs import drive
    from tracker_codecs.contract import Severity
    from tracker_profiles import models, profiles

    profile = models.get(target.model).profile
    assert profile is not None
    wrong = [
        {"parameter": f"tracking_settings.{each.parameter}".rstrip("."), "error": each.error}
        for each in profiles.get(profile).validate(settings)
    ] or [
        {"parameter": f"tracking_settings.{problem.field}", "error": problem.reason}
        for problem in family.check(target, settings)
        if problem.severity is Severity.REFUSE
    ]
    if wrong:
        click.echo(as_json({"errors": wrong}))
        raise Negative
    dialogue = family.apply(target, settings)
    if against == "none":
        exchanges, outcome = drive.against_nobody(dialogue)
    else:
        device = family.emulator(target.device_id, target.variant, transport=target.transport, options=target.options)
        stream = family.stream(target.transport)
        stream.bind(target)
        exchanges, outcome = drive.against_emulator(dialogue, device, stream)
    for exchange in exchanges:
        click.echo(as_json(_shown(exchange.command) | _answered(exchange.reply)))
    click.echo(as_json(_concluded(outcome)))
    if against == "emulator" and outcome.unanswered:
        raise Negative


def _shown(command: Command) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "purpose": command.purpose.value,
        "hex": command.payload.hex(),
        "text": command.text,
        "acknowledged_by": command.expects,
        "fields": list(command.fields),
    }
    if command.channel:
        shown["channel"] = command.channel
    if command.depends_on_read:
        shown["depends_on_read"] = True
    return shown


def _answered(reply: Reply) -> dict[str, Any]:
    if reply.assumed:
        return {"reply": {"verdict": reply.verdict.value}}
    frames = [message.frame.hex() for message in reply.messages]
    texts = [message.text for message in reply.messages if message.text]
    return {"reply": {"verdict": reply.verdict.value, "hex": frames, "text": texts}}


def _concluded(outcome: Outcome) -> dict[str, Any]:
    return {
        "outcome": {name: _verdict(field) for name, field in outcome.fields.items()},
        "reported": dict(outcome.reported),
        "unanswered": outcome.unanswered,
    }


def _verdict(field: FieldOutcome) -> dict[str, Any]:
    shown = {
        "state": field.state.value,
        "desired": field.desired,
        "reported": field.reported,
        "strength": field.strength.name.lower() if field.strength is not None else None,
        "reason": field.reason or None,
    }
    return {name: value for name, value in shown.items() if value is not None}
