"""`settings`: read, set and watch through the running gateway."""

from __future__ import annotations

import sys
import time
from typing import Any

import click

from tracker_gateway.cli.client import Api, connect, gateway_options
from tracker_gateway.cli.output import (
    Negative,
    as_json,
    cell,
    json_option,
    reports_errors,
    show_json,
    show_pairs,
    show_table,
)
from tracker_gateway.cli.values import parse_pairs, parse_settings

#: Seconds between two looks at a delivery.
POLL = 0.5
#: States that are good news once they are final; `acknowledged` is, where a family can prove no more.
GOOD = ("confirmed", "acknowledged")


@click.group()
def settings() -> None:
    """Read, set and watch tracking settings through the running gateway.

    The key comes from TRACKER_GATEWAY_HASH or --hash, the address from TRACKER_GATEWAY_URL or --url.

    \b
    Example:
      tracker-gateway settings set 1 tracking_interval=60 --wait 30
    """


@settings.command("get")
@click.argument("tracker", type=click.IntRange(1))
@gateway_options
@json_option
@reports_errors
def get_settings(tracker: int, url: str, secret: str | None, as_json_: bool) -> None:
    """Show the settings of TRACKER: what is wanted, what it says itself, and the verdict.

    \b
    Example:
      tracker-gateway settings get 1
    """
    answer = connect(url, secret).tracking("read", tracker)
    if as_json_:
        show_json(answer)
        return
    sync = answer.get("sync", {})
    show_pairs(_summary(sync))
    click.echo()
    reported = sync.get("reported", {})
    wanted = answer.get("value", {})
    rows = [
        {"setting": name, "value": wanted.get(name), "reported": reported.get(name), **_verdict(sync, name)}
        for name in dict.fromkeys([*wanted, *reported])
    ]
    show_table(rows, ("setting", "value", "reported", "verdict", "reason"), empty="nothing is known of its settings")


def _summary(sync: dict[str, Any]) -> dict[str, Any]:
    """The plain facts of a sync object: revision, state, strength and the like."""
    return {name: value for name, value in sync.items() if not isinstance(value, dict | list)}


def _verdict(sync: dict[str, Any], name: str) -> dict[str, Any]:
    found = sync.get("fields", {}).get(name)
    if isinstance(found, dict):
        return {"verdict": found.get("state"), "reason": found.get("reason")}
    return {"verdict": found}


@settings.command("set")
@click.argument("tracker", type=click.IntRange(1))
@click.argument("values", nargs=-1, required=True, metavar="NAME=VALUE... | JSON")
@click.option("--wait", type=click.FloatRange(0, 86400), metavar="SECONDS", help="Wait for the outcome, so long.")
@click.option("--dry-run", is_flag=True, help="Show the bytes that would be sent; change nothing.")
@click.option("--only", is_flag=True, help="Send just the pairs given, without the present value of the others.")
@gateway_options
@json_option
@reports_errors
def set_settings(
    tracker: int,
    values: tuple[str, ...],
    wait: float | None,
    dry_run: bool,
    only: bool,
    url: str,
    secret: str | None,
    as_json_: bool,
) -> None:
    """Set settings of TRACKER, as NAME=VALUE pairs over its present settings, or as one JSON object in their place.

    \b
    Examples:
      tracker-gateway settings set 1 tracking_interval=60 --wait 30
      tracker-gateway settings set 1 '{"tracking_interval": 60, "tracking_distance": 100}'
    """
    api = connect(url, secret)
    wanted = _wanted(api, tracker, values, only)
    if dry_run:
        _show_dry_run(api.tracking("update", tracker, tracking_settings=wanted, dry_run=True), as_json_)
        return
    answer = api.tracking("update", tracker, tracking_settings=wanted)
    sync = answer.get("sync", {})
    if wait:
        sync = _follow(api, tracker, sync, wait)
    if as_json_:
        show_json({**answer, "sync": sync})
    else:
        show_pairs(_summary(sync))
        _show_troubles(sync)
    if wait and not sync.get("final"):
        click.echo(f"no outcome within {wait:g} s; the gateway goes on trying", err=True)
        raise Negative
    if wait and sync.get("state") not in GOOD:
        raise Negative


def _wanted(api: Api, tracker: int, values: tuple[str, ...], only: bool) -> dict[str, Any]:
    if len(values) == 1 and values[0].lstrip().startswith("{"):
        return parse_settings(values[0])
    parse_pairs(values, {})  # what is no pair is told before anybody is asked
    pairs = parse_pairs(values, _types(api, tracker))
    if only:
        return pairs
    present: dict[str, Any] = api.tracking("read", tracker).get("value", {})
    return {**present, **pairs}


def _types(api: Api, tracker: int) -> dict[str, str]:
    """Setting -> JSON type, by the profile of the tracker's model; empty where this side does not know it."""
    from tracker_profiles import models, profiles

    described = api.call("/tracker/read", tracker_id=tracker).get("value", {})
    code = described.get("model") or described.get("source", {}).get("model", "")
    try:
        profile = models.get(code).profile
        return {name: info.type for name, info in profiles.get(profile or "").fields.items()}
    except LookupError:
        return {}


def _show_dry_run(answer: dict[str, Any], as_json_: bool) -> None:
    if as_json_:
        show_json(answer)
        return
    run = answer.get("dry_run", {})
    for command in run.get("commands", ()):
        rest = {name: value for name, value in command.items() if name not in ("hex", "text", "purpose")}
        show_pairs({"purpose": command.get("purpose"), "text": command.get("text"), "hex": command.get("hex"), **rest})
        click.echo()
    rows = [{"setting": name, **_verdict(run, name)} for name in run.get("fields", {})]
    show_table(rows, ("setting", "verdict", "reason"), empty="every setting would be written")


def _show_troubles(sync: dict[str, Any]) -> None:
    for name in sync.get("fields", {}):
        verdict = _verdict(sync, name)
        if verdict.get("reason"):
            click.echo(f"{name}: {cell(verdict['verdict'])}: {verdict['reason']}")


def _follow(api: Api, tracker: int, sync: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Looks at the delivery until it ends, another takes its place, or time is up; tells each step on stderr."""
    started = time.monotonic()
    revision = sync.get("revision")
    last = None
    while True:
        state = sync.get("state")
        if state != last:
            click.echo(f"{time.monotonic() - started:6.1f} s  {state}", err=True)
            last = state
        if sync.get("final") or sync.get("revision") != revision:
            return sync
        left = started + seconds - time.monotonic()
        if left <= 0:
            return sync
        time.sleep(min(POLL, left))
        sync = api.tracking("read", tracker).get("sync", {})


@settings.command("status")
@click.argument("tracker", type=click.IntRange(1))
@gateway_options
@json_option
@reports_errors
def status(tracker: int, url: str, secret: str | None, as_json_: bool) -> None:
    """Show the evidence for the newest settings of TRACKER: what was sent, answered and read back.

    \b
    Example:
      tracker-gateway settings status 1
    """
    answer = connect(url, secret).tracking("status", tracker)
    if as_json_:
        show_json(answer)
        return
    show_pairs(_summary(answer.get("sync", {})))
    for entry in answer.get("ledger", ()):
        click.echo(f"\n#{entry.get('seq')}, attempt {entry.get('attempt')}")
        show_pairs({name: value for name, value in entry.items() if name not in ("seq", "attempt", "revision")})
    click.echo()
    rows = [{"setting": name, **about} for name, about in answer.get("evidence", {}).items()]
    columns = ("setting", "desired", "reported", "state", "strength", "reason")
    show_table(rows, columns, empty="nothing was asked of this tracker yet")


@settings.command("watch")
@click.argument("tracker", type=click.IntRange(1))
@gateway_options
@json_option
@reports_errors
def watch(tracker: int, url: str, secret: str | None, as_json_: bool) -> None:
    """Print what happens to TRACKER and its settings as it happens, until interrupted.

    \b
    Example:
      tracker-gateway settings watch 1
    """
    api = connect(url, secret)
    if not as_json_:
        show_pairs(_summary(api.tracking("status", tracker).get("sync", {})))
        click.echo()
    for event in api.events(tracker):
        if as_json_:
            click.echo(as_json(event))
        else:
            facts = [f"{name} {cell(value)}" for name, value in event.items() if name not in _HEAD]
            click.echo(f"{event.get('time')}  {event.get('kind')}: {', '.join(facts)}")
        sys.stdout.flush()
    click.echo("the gateway has stopped", err=True)
    raise Negative


#: Members of an event that stand before the others, or go without saying.
_HEAD = ("kind", "time", "tracker_id")
