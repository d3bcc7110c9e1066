"""The command line: `tracker-gateway`. Subcommands are imported only when they are used."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from tracker_gateway import __version__
from tracker_gateway.cli.lazy import LazyGroup
from tracker_gateway.cli.output import Negative, PipeGone

#: Exit codes: operation failed or the answer is no; wrong use; interrupted by the user; the reader of a pipe went away.
FAILED, WRONG_USE, INTERRUPTED, BROKEN_PIPE = 1, 2, 130, 141


@click.group(
    cls=LazyGroup,
    package="tracker_gateway.cli",
    lazy={
        "serve": ("daemon:serve", "Run the gateway in the foreground."),
        "demo": ("daemon:demo", "Watch settings travel to emulated trackers, end to end."),
        "check-config": ("daemon:check_config", "Tell what a configuration file means, or what is wrong with it."),
        "tracker": ("trackers:tracker", "Register, show, block and adopt trackers."),
        "key": ("keys:key", "Create, list and revoke API keys."),
        "profiles": ("catalogue:profiles", "The tracking profiles: what can be set."),
        "models": ("catalogue:models", "The models: what can be pushed to which hardware."),
        "settings": ("settings:settings", "Read, set and watch settings through the running gateway."),
        "emulate": ("emulate:emulate", "Run emulated trackers against an address."),
        "decode": ("decode:decode", "Say what the bytes of a tracker or server mean."),
        "family": ("family:family", "Check a protocol family that is described in a file."),
        "identify": ("coverage:identify", "Say which families the first bytes of a link could belong to."),
        "replay": ("replay:replay", "Play recorded dialogues and compare what the gateway says."),
        "record": ("record:record", "Record what devices and any gateway say to each other."),
        "import-pcap": ("import_pcap:import_pcap", "Turn a packet capture into dialogues."),
        "bench": ("bench:bench", "Set and verify a device on a serial port of this machine."),
        "encode": ("encode:encode", "Show the commands that bring settings to a model."),
    },
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Every command explains itself: tracker-gateway COMMAND --help",
)
@click.version_option(__version__, prog_name="tracker-gateway")
def cli() -> None:
    """Pushes tracking settings to GPS trackers and proves, field by field, that they took effect."""


def run(args: Sequence[str] | None = None) -> int:
    """Runs one command line; the exit code. Errors are one line on stderr, never a traceback."""
    try:
        code = cli.main(args, prog_name="tracker-gateway", standalone_mode=False)
        sys.stdout.flush()
    except Negative:
        return FAILED
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return WRONG_USE
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "tracker-gateway"
        return _complain(f"{where}: {error.format_message()} (see {where} --help)", WRONG_USE)
    except click.ClickException as error:
        return _complain(f"tracker-gateway: {error.format_message()}", error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except (BrokenPipeError, PipeGone):
        # Whatever is still buffered has no reader; the interpreter must not stumble over it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    return code if isinstance(code, int) else 0


def _complain(line: str, code: int) -> int:
    click.echo(" ".join(line.split()), err=True)
    return code


def main() -> None:
    """The console script."""
    sys.exit(run())
