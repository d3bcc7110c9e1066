"""`serve`, `demo` and `check-config`."""

from __future__ import annotations

from pathlib import Path

import click

from tracker_gateway.cli.opened import config_option, load_config
from tracker_gateway.cli.output import Failure, Negative, json_option, reports_errors, show_json


@click.command()
@config_option
@reports_errors
def serve(config_path: Path | None) -> None:
    """Run the gateway in the foreground, until interrupted or told to stop (SIGTERM).

    \b
    Examples:
      tracker-gateway serve
      tracker-gateway serve --config /etc/tracker-gateway/gateway.toml
    """
    config = load_config(config_path)
    from tracker_gateway import daemon
    from tracker_gateway.store import StoreError
    from tracker_gateway.transports.room import ListenError

    try:
        daemon.run(config)
    except (StoreError, ListenError) as error:
        raise Failure(str(error)) from None


@click.command()
@reports_errors
def demo() -> None:
    """Watch settings travel from an HTTP call to emulated trackers and come back confirmed.

    Starts a gateway and three trackers of three families in a temporary folder, and ends by itself.

    \b
    Example:
      tracker-gateway demo
    """
    from tracker_gateway import demo as demo_

    if demo_.main() != 0:
        raise Negative


@click.command("check-config")
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path), required=False)
@config_option
@json_option
@reports_errors
def check_config(path: Path | None, config_path: Path | None, as_json_: bool) -> None:
    """Read the configuration file PATH and say what is in force, defaults and environment included.

    \b
    Example:
      tracker-gateway check-config gateway.toml
    """
    if path is not None and config_path is not None and path != config_path:
        raise click.UsageError("PATH and --config name different files")
    config = load_config(path or config_path)
    if as_json_:
        show_json(config.model_dump(mode="json"))
        return
    for name, value in _flat(config.model_dump(mode="json")):
        click.echo(f"{name} = {value}")


def _flat(value: object, path: str = "") -> list[tuple[str, object]]:
    if isinstance(value, dict) and value:
        return [pair for name, inner in value.items() for pair in _flat(inner, f"{path}.{name}" if path else str(name))]
    return [(path, value)]
