"""`profiles` and `models`: what can be set, and on which hardware."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tracker_gateway.cli.coverage import coverage
from tracker_gateway.cli.opened import config_option, use_catalogue
from tracker_gateway.cli.output import json_option, reports_errors, show_json, show_pairs, show_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracker_codecs.contract import Capability, Strength
    from tracker_profiles.models import Model
    from tracker_profiles.profiles import FieldInfo, Profile


@click.group()
def profiles() -> None:
    """The tracking profiles: the settings a group of models accepts.

    \b
    Example:
      tracker-gateway profiles show telfm
    """


@profiles.command("list")
@config_option
@json_option
@reports_errors
def list_profiles(config_path: Path | None, as_json_: bool) -> None:
    """List every tracking profile.

    \b
    Example:
      tracker-gateway profiles list
    """
    from tracker_profiles import models as models_
    from tracker_profiles import profiles as profiles_

    use_catalogue(config_path)
    users: dict[str, int] = {}
    for model in models_.all_models().values():
        if model.profile is not None:
            users[model.profile] = users.get(model.profile, 0) + 1
    rows = [
        {"name": name, "fields": len(profile.fields), "models": users.get(name, 0), "title": profile.title}
        for name, profile in ((name, profiles_.get(name)) for name in profiles_.names())
    ]
    if as_json_:
        show_json(rows)
    else:
        show_table(rows, ("name", "fields", "models", "title"), empty="no profiles")


@profiles.command("show")
@click.argument("name")
@click.option("--json-schema", is_flag=True, help="Print the profile's JSON Schema 2020-12 document.")
@config_option
@json_option
@reports_errors
def show_profile(name: str, json_schema: bool, config_path: Path | None, as_json_: bool) -> None:
    """Show the settings of the profile NAME: units, ranges, defaults, conditions.

    \b
    Examples:
      tracker-gateway profiles show atrack
      tracker-gateway profiles show atrack --json-schema > atrack.schema.json
    """
    from tracker_profiles import models as models_
    from tracker_profiles import profiles as profiles_

    use_catalogue(config_path)
    profile = profiles_.get(name)
    if json_schema:
        show_json(profile.schema)
        return
    users = [code for code, model in models_.all_models().items() if model.profile == name]
    rows = [_field_row(field, info) for field, info in profile.fields.items()]
    if as_json_:
        facts = {"name": name, "title": profile.title, "description": profile.description}
        show_json({**facts, "fields": rows, "models": users})
        return
    click.echo(f"{profile.name}: {profile.title}\n{' '.join(profile.description.split())}\n")
    shown = [{**row, "range": _range(row)} for row in rows]
    show_table(shown, ("field", "type", "unit", "range", "default", "required"), empty="no settings")
    for row in rows:
        for value, meaning in row.get("values", {}).items():
            click.echo(f"  {row['field']} {value}: {meaning}")
    if _conditional(profile):
        click.echo("\nsome settings depend on others: see --json-schema")
    click.echo(f"\nmodels: {', '.join(users) or 'none'}")


def _conditional(profile: Profile) -> bool:
    return any(name in profile.schema for name in ("allOf", "if", "dependentRequired", "anyOf", "oneOf"))


def _field_row(name: str, info: FieldInfo) -> dict[str, Any]:
    row = {
        "field": name,
        "type": info.type,
        "unit": info.unit,
        "minimum": info.minimum,
        "maximum": info.maximum,
        "enum": list(info.enum) if info.enum else None,
        "format": info.format,
        "default": info.default,
        "required": info.required,
        "description": " ".join(info.description.split()),
        "values": dict(info.values) or None,
    }
    return {key: value for key, value in row.items() if value is not None}


def _range(row: dict[str, Any]) -> str | None:
    if "enum" in row:
        return ", ".join(map(str, row["enum"]))
    if "minimum" in row or "maximum" in row:
        return f"{row.get('minimum', '')}..{row.get('maximum', '')}"
    return row.get("format")


@click.group()
def models() -> None:
    """The models: which profile and codec they have, and what can be pushed to them.

    \b
    Example:
      tracker-gateway models show telfmb920
    """


@models.command("list")
@click.option("--vendor", help="Only models of this vendor.")
@click.option("--codec", help="Only models of this codec family.")
@click.option("--profile", help="Only models that take this tracking profile.")
@click.option("--pushable", is_flag=True, help="Only models to which settings can be pushed.")
@config_option
@json_option
@reports_errors
def list_models(
    vendor: str | None, codec: str | None, profile: str | None, pushable: bool, config_path: Path | None, as_json_: bool
) -> None:
    """List every model.

    \b
    Example:
      tracker-gateway models list --codec queclink --pushable
    """
    from tracker_profiles import models as models_

    use_catalogue(config_path)
    rows = [
        row
        for row in map(_model_row, models_.all_models().values())
        if (vendor is None or row["vendor"].casefold() == vendor.casefold())
        and (codec is None or row["codec"] == codec)
        and (profile is None or row["profile"] == profile)
        and (not pushable or row["push"])
    ]
    if as_json_:
        show_json(rows)
    else:
        columns = ("code", "vendor", "name", "profile", "codec", "push", "experimental")
        show_table(rows, columns, empty="no such models")


def _model_row(model: Model) -> dict[str, Any]:
    from tracker_codecs import registry

    return {
        "code": model.code,
        "vendor": model.vendor,
        "name": model.name,
        "profile": model.profile,
        "codec": model.codec,
        "variant": model.variant,
        "id_type": model.id_type,
        "push": model.settable and model.codec in registry.names(),
        "experimental": model.experimental,
    }


@models.command("show")
@click.argument("code")
@click.option(
    "--records",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the records that `bench apply` signed off; by default one below your home.",
)
@config_option
@json_option
@reports_errors
def show_model(code: str, records: Path | None, config_path: Path | None, as_json_: bool) -> None:
    """Show what can be pushed to the model CODE, and how strong a confirmation can get.

    \b
    Example:
      tracker-gateway models show telfmb920
    """
    from tracker_codecs import registry
    from tracker_profiles import models as models_
    from tracker_profiles import profiles as profiles_

    from tracker_gateway.bench import records as verified
    from tracker_gateway.cli.covered import by_transport

    use_catalogue(config_path)
    model = models_.get(code)
    row = _model_row(model)
    fields = []
    facts: dict[str, Any] = {}
    if row["push"]:
        links = by_transport(model)
        assert model.profile is not None
        alike = len({str(able) for able in links.values()}) == 1
        fields = [
            ({} if alike else {"transport": link}) | _capability_row(name, able.get(name))
            for link, able in (list(links.items())[:1] if alike else links.items())
            for name in profiles_.get(model.profile).fields
        ]
        facts = _codec_facts(model, links, alike=alike)
    elif model.settable:
        facts = {"reason": f"there is no codec family {model.codec}"}
    else:
        facts = {"reason": model.reason}
        if model.codec in registry.names():
            facts["transports"] = sorted(each.value for each in registry.get(model.codec).transports)
    proofs = verified.of_model(records or verified.default_folder(), code)
    if proofs:
        facts["verified"] = [asdict(each) for each in proofs] if as_json_ else [str(each) for each in proofs]
    if as_json_:
        show_json({**row, **facts, "fields": fields})
        return
    show_pairs({**row, **facts})
    if fields:
        click.echo()
        show_table(fields, (*fields[0].keys(),), empty="")


def _codec_facts(model: Model, links: Mapping[str, Mapping[str, Capability]], *, alike: bool) -> dict[str, Any]:
    from tracker_codecs import registry

    assert model.codec is not None
    family = registry.get(model.codec)
    told = {link: _weakest(able) for link, able in links.items()}
    return {
        "confirmation": next(iter(told.values())) if alike else ", ".join(f"{k}: {v}" for k, v in told.items()),
        "transports": sorted(transport.value for transport in family.transports),
        "acknowledgement_proves": family.acknowledgement_proves or None,
    }


def _weakest(capabilities: Mapping[str, Capability]) -> str:
    reachable: list[Strength] = [each.best for each in capabilities.values() if each.best is not None]
    return min(reachable).name.lower() if reachable else "none"


def _capability_row(name: str, capability: Capability | None) -> dict[str, Any]:
    if capability is None:
        return {"field": name, "best": "unsupported", "experimental": False, "reason": "the codec cannot carry it"}
    return {
        "field": name,
        "best": capability.best.name.lower() if capability.best is not None else "unsupported",
        "experimental": capability.experimental,
        "reason": capability.reason,
    }


models.add_command(coverage)
