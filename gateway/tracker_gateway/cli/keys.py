"""`key`: API keys, kept hashed in the store and shown once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tracker_gateway.cli.opened import config_option, finished, opened
from tracker_gateway.cli.output import Failure, json_option, reports_errors, show_json, show_table, when
from tracker_gateway.store.nouns import Right

if TYPE_CHECKING:
    from tracker_gateway.store.nouns import Key


@click.group()
def key() -> None:
    """Create, list and revoke API keys.

    \b
    Example:
      tracker-gateway key create --label office --right tracker_configure
    """


@key.command("create")
@click.option("--owner", default="", help="Whose trackers it may see; without it, everybody's.")
@click.option("--label", default="", help="What it is for; the history names it.")
@click.option(
    "--right",
    "rights",
    type=click.Choice([right.value for right in Right]),
    multiple=True,
    help="What it may do beyond reading; give it once for each right.",
)
@config_option
@json_option
@reports_errors
@finished
async def create(owner: str, label: str, rights: tuple[str, ...], config_path: Path | None, as_json_: bool) -> None:
    """Create an API key and show its hash, this once.

    \b
    Examples:
      tracker-gateway key create --label office --right tracker_configure
      export TRACKER_GATEWAY_HASH=$(tracker-gateway key create --right tracker_configure)
    """
    async with opened(config_path, write=True, create=True) as store:
        made, secret = await store.add_key(owner=owner, label=label, rights=frozenset(Right(right) for right in rights))
    if as_json_:
        show_json({**_row(made), "hash": secret})
        return
    click.echo(secret)
    click.echo(f"key {made.key_id}; the hash above is not shown again", err=True)


def _row(key: Key) -> dict[str, Any]:
    return {
        "id": key.key_id,
        "owner": key.owner,
        "label": key.label,
        "rights": sorted(right.value for right in key.rights),
        "created": when(key.created),
        "revoked": key.revoked,
    }


@key.command("list")
@config_option
@json_option
@reports_errors
@finished
async def list_(config_path: Path | None, as_json_: bool) -> None:
    """List the API keys, without their hashes.

    \b
    Example:
      tracker-gateway key list
    """
    async with opened(config_path) as store:
        rows = [_row(each) for each in await store.list_keys()]
    if as_json_:
        show_json(rows)
    else:
        show_table(rows, ("id", "owner", "label", "rights", "created", "revoked"), empty="there are no keys")


@key.command("revoke")
@click.argument("key_id", type=click.IntRange(1), metavar="ID")
@config_option
@reports_errors
@finished
async def revoke(key_id: int, config_path: Path | None) -> None:
    """Revoke the key ID; a running gateway refuses it within a second.

    \b
    Example:
      tracker-gateway key revoke 2
    """
    async with opened(config_path, write=True) as store:
        if not await store.revoke_key(key_id):
            raise Failure(f"there is no key {key_id}, or it is revoked already")
    click.echo(f"revoked key {key_id}")
