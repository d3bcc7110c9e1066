"""How far each tracking profile can be pushed: read off profiles, models and codecs, never written by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracker_codecs import registry
from tracker_codecs.contract import Capability, Strength, Target
from tracker_profiles import models, profiles
from tracker_profiles.models import Model


def rows() -> list[dict[str, Any]]:
    """One row a profile: models, codecs, fields that can be pushed, best confirmation, experimental, or why not."""
    of_profile: dict[str, list[Model]] = {name: [] for name in profiles.names()}
    for model in models.all_models().values():
        if model.profile is not None:
            of_profile[model.profile].append(model)
    return [_row(name, found) for name, found in of_profile.items()]


def by_transport(model: Model) -> dict[str, Mapping[str, Capability]]:
    """What the model's codec can do with each field over each of its transports; nothing where there is no codec."""
    if not model.settable or model.codec not in registry.names():
        return {}
    assert model.codec is not None
    family = registry.get(model.codec)
    return {
        link.value: family.capabilities(
            Target("", model.code, model.variant, link, options=model.options, experimental=model.experimental)
        )
        for link in sorted(family.transports, key=lambda each: each.value)
    }


def capabilities(model: Model) -> Mapping[str, Capability]:
    """What the model's codec can do with each field over the transport that can do most with it."""
    best: dict[str, Capability] = {}
    for able in by_transport(model).values():
        for field, each in able.items():
            if field not in best or (each.best or 0) > (best[field].best or 0):
                best[field] = each
    return best


def _row(name: str, found: list[Model]) -> dict[str, Any]:
    profile = profiles.get(name)
    best: dict[str, Capability] = {}
    pushed = []
    for model in found:
        able = {field: each for field, each in capabilities(model).items() if each.best is not None}
        carried = {field: each for field, each in able.items() if field in profile.fields}
        if carried:
            pushed.append(model)
        for field, each in carried.items():
            if field not in best or (each.best or 0) > (best[field].best or 0):
                best[field] = each
    strongest = max((each.best for each in best.values() if each.best is not None), default=None)
    links = {link: able for model in pushed for link, able in by_transport(model).items()}
    able_links = sorted(link for link, able in links.items() if any(each.best is not None for each in able.values()))
    return {
        "profile": name,
        "public": profile.origin == "public-api",
        "models": [model.code for model in found],
        "codec": sorted({model.codec for model in pushed if model.codec}),
        "session": sorted({model.codec for model in found if model.codec and model.session_only}),
        "fields": {field: _name(best[field].best) if field in best else None for field in profile.fields},
        "strongest": _name(strongest),
        "only_over": able_links if len(able_links) < len(links) else [],
        "experimental": bool(pushed) and all(model.experimental for model in pushed),
        "why_not": "" if pushed else _why_not(found),
    }


def _name(strength: Strength | None) -> str | None:
    return None if strength is None else strength.name.lower()


def _why_not(found: list[Model]) -> str:
    reasons = dict.fromkeys(model.reason for model in found if model.reason)
    missing = sorted({model.codec for model in found if model.codec and model.codec not in registry.names()})
    if missing:
        return f"there is no codec {', '.join(missing)} yet"
    if reasons:
        return next(iter(reasons))
    return "no field of it can be carried" if found else "no model has it: it describes a shape of settings"


def _strongest(row: dict[str, Any]) -> str:
    """The strongest confirmation, and over which transports only where not every one carries settings."""
    over = f" (over {', '.join(row['only_over'])} only)" if row["only_over"] else ""
    return f"{(row['strongest'] or '').replace('_', '-')}{over}"


def markdown() -> str:
    """The page docs/coverage.md."""
    found = rows()
    pushed = [row for row in found if row["codec"]]
    lines = [
        "# Coverage: what can be pushed to what",
        "",
        "Made by `tracker-gateway models coverage --markdown`; a test holds that it is current. The sources of each",
        "codec's facts stand on its page. A field in (brackets) cannot be pushed; a codec in (brackets) knows the",
        "session only: who is there, what is owed, raw commands. `*`: experimental, off until switched on.",
        "",
        f"{len(pushed)} of {len(found)} profiles can be pushed, "
        f"{sum(row['public'] for row in pushed)} of {sum(row['public'] for row in found)} public ones.",
        "",
        "| profile | models | codec | fields | strongest confirmation | why not |",
        "|---|---|---|---|---|---|",
    ]
    for row in sorted(found, key=lambda each: (not each["public"], each["profile"])):
        fields = ", ".join(name if best else f"({name})" for name, best in row["fields"].items())
        codecs = [f"[{name}](protocols/{name}.md){'*' if row['experimental'] else ''}" for name in row["codec"]]
        codecs += [f"([{name}](protocols/{name}.md))" for name in row["session"]]
        codes = ", ".join(row["models"][:4]) + (f" and {len(row['models']) - 4} more" if len(row["models"]) > 4 else "")
        lines.append(
            f"| {row['profile']} | {codes} | {', '.join(codecs)} | {fields} | {_strongest(row)} | {row['why_not']} |"
        )
    return "\n".join(lines) + "\n"
