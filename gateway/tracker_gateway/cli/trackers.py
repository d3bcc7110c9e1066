"""`tracker`: the register of trackers, changed directly in the store; a running gateway notices within a second."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tracker_gateway.cli.device_ids import complaint, normal
from tracker_gateway.cli.opened import config_option, finished, opened, use_catalogue
from tracker_gateway.cli.output import Failure, json_option, reports_errors, show_json, show_pairs, show_table, when
from tracker_gateway.cli.values import parse_options

if TYPE_CHECKING:
    from tracker_profiles.models import Model

    from tracker_gateway.store import Store
    from tracker_gateway.store.nouns import Tracker, UnknownDevice

#: Options whose values are shown as stars.
_SECRET = ("password", "secret", "pin", "pass", "key", "token")

COLUMNS = ("id", "device_id", "model", "owner", "label", "blocked", "clone")


@click.group()
def tracker() -> None:
    """Register, show, block and adopt trackers.

    Works on the store itself: on the gateway's machine, whether it runs or not.

    \b
    Example:
      tracker-gateway tracker add 356307042441013 --model telfmb920
    """


@tracker.command("add")
@click.argument("device_id")
@click.option("--model", required=True, metavar="CODE", help="Its model, as `models list` names them.")
@click.option("--owner", default="", help="Whose it is; keys of this owner may see it.")
@click.option("--label", default="", help="A name for people.")
@click.option("--clone", is_flag=True, help="It shares its device id with another: it can be read, never set.")
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="An option of its codec, as password=1.")
@click.option("--experimental", is_flag=True, help="Use facts of low confidence for this unit.")
@config_option
@json_option
@reports_errors
@finished
async def add(
    device_id: str,
    model: str,
    owner: str,
    label: str,
    clone: bool,
    options: tuple[str, ...],
    experimental: bool,
    config_path: Path | None,
    as_json_: bool,
) -> None:
    """Register the tracker DEVICE_ID (its IMEI, or the id its maker gave it).

    \b
    Examples:
      tracker-gateway tracker add 356307042441013 --model telfmb920 --label "van 7"
      tracker-gateway tracker add 135790246811220 --model gl300 --option password=gl300
    """
    use_catalogue(config_path)
    known, device_id = _model(model, device_id)
    async with opened(config_path, write=True, create=True) as store:
        added = await store.add_tracker(
            device_id=device_id,
            model=known.code,
            owner=owner,
            label=label,
            clone=clone,
            options=parse_options(options),
            experimental=experimental,
        )
    _tell(added, as_json_, f"registered as tracker {added.tracker_id}")
    _warn(known)


def _model(code: str, device_id: str) -> tuple[Model, str]:
    """The model, and the device id as its codec writes it."""
    from tracker_profiles import models

    known = models.get(code)
    device_id = normal(known.id_type, device_id)
    wrong = complaint(known.id_type, device_id)
    if wrong is not None:
        raise Failure(f"{wrong}; {device_id!r} does not fit")
    return known, device_id


def _warn(model: Model) -> None:
    if not model.settable:
        click.echo(f"note: nothing can be pushed to {model.code}: {model.reason}", err=True)


def _tell(tracker: Tracker, as_json_: bool, words: str) -> None:
    if as_json_:
        show_json(_row(tracker))
    else:
        click.echo(words)


def _row(tracker: Tracker) -> dict[str, Any]:
    return {
        "id": tracker.tracker_id,
        "device_id": tracker.device_id,
        "model": tracker.model,
        "owner": tracker.owner,
        "label": tracker.label,
        "blocked": tracker.blocked,
        "clone": tracker.clone,
        "experimental": tracker.experimental,
        "options": {
            name: "***" if any(word in name.lower() for word in _SECRET) else value
            for name, value in tracker.options.items()
        },
        "created": when(tracker.created),
    }


async def _find(store: Store, which: str) -> Tracker:
    """By id; else by a device id that only one tracker has."""
    found = await store.get_tracker(int(which)) if which.isdecimal() and len(which) <= 18 else None
    if found is None:
        same = [each for each in await store.list_trackers() if each.device_id == which]
        if len(same) > 1:
            ids = ", ".join(str(each.tracker_id) for each in same)
            raise Failure(f"several trackers have the device id {which}: {ids}; name one by its id")
        found = same[0] if same else None
    if found is None:
        raise Failure(f"there is no tracker {which}")
    return found


@tracker.command("list")
@click.option("--owner", help="Only trackers of this owner.")
@click.option("--unknown", is_flag=True, help="In their place, device ids that called in and are not registered.")
@config_option
@json_option
@reports_errors
@finished
async def list_(owner: str | None, unknown: bool, config_path: Path | None, as_json_: bool) -> None:
    """List the registered trackers, or the unknown ones that called in.

    \b
    Example:
      tracker-gateway tracker list --unknown
    """
    async with opened(config_path) as store:
        if unknown:
            _show_unknown(await store.list_unknown(), as_json_)
            return
        rows = [_row(each) for each in await store.list_trackers(owner)]
    if as_json_:
        show_json(rows)
    else:
        show_table(rows, COLUMNS, empty="no trackers are registered")


def _show_unknown(devices: Any, as_json_: bool) -> None:
    rows = [
        {
            "device_id": each.device_id,
            "family": each.family,
            "transport": each.transport,
            "peer": each.peer,
            "first_seen": when(each.first_seen),
            "last_seen": when(each.last_seen),
            "times": each.times,
        }
        for each in devices
    ]
    if as_json_:
        show_json(rows)
    else:
        columns = ("device_id", "family", "transport", "peer", "first_seen", "last_seen", "times")
        show_table(rows, columns, empty="no unknown device has called in")


@tracker.command("show")
@click.argument("which", metavar="TRACKER")
@config_option
@json_option
@reports_errors
@finished
async def show(which: str, config_path: Path | None, as_json_: bool) -> None:
    """Show the record of TRACKER (its id, or a device id). Passwords are not shown.

    \b
    Example:
      tracker-gateway tracker show 1
    """
    async with opened(config_path) as store:
        row = _row(await _find(store, which))
    if as_json_:
        show_json(row)
    else:
        show_pairs(row)


@tracker.command("block")
@click.argument("which", metavar="TRACKER")
@config_option
@json_option
@reports_errors
@finished
async def block(which: str, config_path: Path | None, as_json_: bool) -> None:
    """Block TRACKER: its link is dropped, and calls about it answer 208.

    \b
    Example:
      tracker-gateway tracker block 1
    """
    await _set_blocked(which, True, config_path, as_json_)


@tracker.command("unblock")
@click.argument("which", metavar="TRACKER")
@config_option
@json_option
@reports_errors
@finished
async def unblock(which: str, config_path: Path | None, as_json_: bool) -> None:
    """Let TRACKER in again.

    \b
    Example:
      tracker-gateway tracker unblock 1
    """
    await _set_blocked(which, False, config_path, as_json_)


async def _set_blocked(which: str, blocked: bool, config_path: Path | None, as_json_: bool) -> None:
    async with opened(config_path, write=True) as store:
        found = await _find(store, which)
        changed = await store.change_tracker(found.tracker_id, blocked=blocked)
    _tell(changed, as_json_, f"tracker {changed.tracker_id} is {'blocked' if blocked else 'let in again'}")


@tracker.command("remove")
@click.argument("which", metavar="TRACKER")
@click.option("--yes", is_flag=True, help="Do not ask.")
@config_option
@reports_errors
@finished
async def remove(which: str, yes: bool, config_path: Path | None) -> None:
    """Remove TRACKER with its settings and history.

    \b
    Example:
      tracker-gateway tracker remove 1 --yes
    """
    async with opened(config_path, write=True) as store:
        found = await _find(store, which)
        if not yes:
            click.confirm(f"Remove tracker {found.tracker_id} ({found.device_id}) with its history?", abort=True)
        await store.remove_tracker(found.tracker_id)
    click.echo(f"removed tracker {found.tracker_id}")


@tracker.command("adopt")
@click.argument("device_id")
@click.option("--model", required=True, metavar="CODE", help="Its model, as `models list` names them.")
@click.option("--owner", default="", help="Whose it is; keys of this owner may see it.")
@click.option("--label", default="", help="A name for people.")
@config_option
@json_option
@reports_errors
@finished
async def adopt(device_id: str, model: str, owner: str, label: str, config_path: Path | None, as_json_: bool) -> None:
    """Register DEVICE_ID, which has called in already. `tracker list --unknown` shows who did.

    \b
    Example:
      tracker-gateway tracker adopt 356307042441013 --model telfmb920
    """
    use_catalogue(config_path)
    known, device_id = _model(model, device_id)
    async with opened(config_path, write=True) as store:
        caller = _caller(await store.list_unknown(), device_id)
        if known.codec is not None and caller.family != known.codec:
            raise Failure(f"{device_id} speaks {caller.family}; a {known.code} speaks {known.codec}")
        added = await store.add_tracker(device_id=device_id, model=known.code, owner=owner, label=label)
    _tell(added, as_json_, f"adopted as tracker {added.tracker_id}")
    _warn(known)


def _caller(devices: Any, device_id: str) -> UnknownDevice:
    found: UnknownDevice | None = next((each for each in devices if each.device_id == device_id), None)
    if found is None:
        raise Failure(f"no unknown device {device_id} has called in; `tracker add` registers one that has not")
    return found
