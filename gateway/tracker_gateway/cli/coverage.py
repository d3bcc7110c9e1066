"""`models coverage` and `identify`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tracker_gateway.cli.opened import config_option, use_catalogue
from tracker_gateway.cli.output import Negative, json_option, reports_errors, show_json, show_table


@click.command("coverage")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print the page docs/coverage.md.")
@config_option
@json_option
@reports_errors
def coverage(as_markdown: bool, config_path: Path | None, as_json_: bool) -> None:
    """Show for every tracking profile how far it can be pushed, by which codec, and why not.

    \b
    Example:
      tracker-gateway models coverage
    """
    from tracker_gateway.cli import covered as coverage_

    use_catalogue(config_path)
    if as_markdown:
        click.echo(coverage_.markdown(), nl=False)
        return
    rows = coverage_.rows()
    if as_json_:
        show_json(rows)
        return
    shown = [
        {
            "profile": row["profile"],
            "models": len(row["models"]),
            "codec": [*row["codec"], *(f"({name})" for name in row["session"])],
            "pushed": f"{sum(best is not None for best in row['fields'].values())} of {len(row['fields'])}",
            "strongest": row["strongest"],
            "experimental": row["experimental"],
            "why_not": row["why_not"],
        }
        for row in rows
    ]
    columns = ("profile", "models", "codec", "pushed", "strongest", "experimental", "why_not")
    show_table(shown, columns, empty="no profiles")


@click.command()
@click.argument("data", metavar="HEX")
@json_option
@reports_errors
def identify(data: str, as_json_: bool) -> None:
    """Say which families a link that opens with these bytes could belong to, and why.

    \b
    Example:
      tracker-gateway identify 000F333536333037303432343431303133
    """
    found = [_judge(name, _bytes(data)) for name in _families()]
    rows = [row for row in found if row["could_be"] is not False]
    if as_json_:
        show_json(found)
    else:
        show_table(rows, ("family", "could_be", "because"), empty="no family's link opens like this")
    if not rows:
        raise Negative


def _families() -> list[str]:
    from tracker_codecs import registry

    return registry.names()


def _bytes(text: str) -> bytes:
    try:
        data = bytes.fromhex("".join(text.removeprefix("0x").split()))
    except ValueError:
        raise click.UsageError(f"not hexadecimal: {text[:40]!r}") from None
    if not data:
        raise click.UsageError("no bytes were given")
    return data


def _judge(name: str, data: bytes) -> dict[str, Any]:
    """What a family's recogniser and decoder say."""
    from tracker_codecs import registry
    from tracker_codecs.contract import Message, Transport

    family = registry.get(name)
    could_be = family.recognise(data)
    because = "its opening does not fit"
    if could_be is None:
        because = "too few bytes to tell"
    elif could_be:
        transport = next(each for each in Transport if each in family.transports)
        stream = family.stream(transport)
        messages = [event for event in stream.feed(data) if isinstance(event, Message)]
        if messages:
            who = f" of device {messages[0].device_id}" if messages[0].device_id else ""
            because = f"reads as {messages[0].kind.value}{who}, checksum {messages[0].checksum.value}"
        else:
            because = "opens like one of its frames, which is not complete"
    return {"family": name, "could_be": could_be, "because": because}
