"""`replay`: plays the device's side of recorded dialogues and compares what the gateway says."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tracker_gateway.cli.opened import config_option, use_catalogue
from tracker_gateway.cli.output import Failure, Negative, json_option, reports_errors, show_json

if TYPE_CHECKING:
    from tracker_gateway.recording.dialogue import Dialogue
    from tracker_gateway.replay.replay import Result


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE|FOLDER]...")
@click.option("--all", "everything", is_flag=True, help="All dialogues below firmware-fixtures/ here.")
@click.option(
    "--against", metavar="HOST:PORT", help="A running gateway (on MQTT: its broker); without it, one is started."
)
@click.option(
    "--pace", type=click.FloatRange(0, 1000), default=0.0, help="1: with the recorded times; 0: as fast as it goes."
)
@click.option(
    "--patience",
    type=click.FloatRange(0.1, 600),
    default=10.0,
    show_default=True,
    help="Seconds for an answer.",
)
@config_option
@json_option
@reports_errors
def replay(
    paths: tuple[Path, ...],
    everything: bool,
    against: str | None,
    pace: float,
    patience: float,
    config_path: Path | None,
    as_json_: bool,
) -> None:
    """Play the device's side of dialogues and compare, byte for byte, what the gateway says.

    Only what the family declares variable (times, serials) may differ. Against a running gateway the device must be
    registered there, and dialogues in which an update is asked for are refused: nobody would ask for it.

    \b
    Examples:
      tracker-gateway replay --all
      tracker-gateway replay firmware-fixtures/gt06/x3-set-interval.yaml
      tracker-gateway replay session.yaml --against 127.0.0.1:5023 --pace 1
    """
    from tracker_gateway.process import log
    from tracker_gateway.recording.dialogue import DialogueError, find, load

    log.configure("warning")
    use_catalogue(config_path)
    if everything == bool(paths):
        raise click.UsageError("name files or folders, or say --all, and not both")
    try:
        files = find([Path("firmware-fixtures")] if everything else paths)
        dialogues = [(path, load(path)) for path in files]
    except DialogueError as error:
        raise Failure(str(error)) from None
    if not dialogues:
        raise Failure("there is no dialogue there")
    told = []
    for path, dialogue in dialogues:
        result = asyncio.run(_play(dialogue, against, pace, patience))
        told.append(
            {
                "file": str(path),
                "ok": result.ok,
                "steps": result.steps,
                "compared": result.compared,
                "problem": result.problem or None,
            }
        )
        if not as_json_:
            click.echo(f"{'same' if result.ok else 'DIFFERS'}  {path}  ({result.compared} answers compared)")
            if result.problem:
                click.echo(f"         {result.problem}")
    if as_json_:
        show_json(told)
    if not all(each["ok"] for each in told):
        raise Negative


async def _play(dialogue: Dialogue, against: str | None, pace: float, patience: float) -> Result:
    from tracker_codecs import registry

    from tracker_gateway.cli.emulate import address_of
    from tracker_gateway.replay.embedded import peer_of
    from tracker_gateway.replay.embedded import replay as embedded
    from tracker_gateway.replay.replay import Replay

    if against is None:
        return await embedded(dialogue, pace=pace, patience=patience)
    peer = peer_of(dialogue, address_of(against))
    return await Replay(dialogue, registry.get(dialogue.family), peer, None, pace=pace, patience=patience).run()
