"""Opens the store that the configuration names, for the commands that work on it directly."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

from tracker_gateway.cli.output import Failure

if TYPE_CHECKING:
    from tracker_gateway.config.file import Config
    from tracker_gateway.store import Store

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C", bound=Callable[..., Any])

#: Where a command's context keeps the folders of `--extra-profiles`.
_EXTRA = "tracker_gateway.extra_profiles"


def _keep_extra(context: click.Context, parameter: click.Parameter, folders: tuple[Path, ...]) -> None:
    context.meta[_EXTRA] = folders


def config_option(command: C) -> C:
    """The options that say where the configuration is, and which folders of profiles there are beside its own."""
    command = click.option(
        "--extra-profiles",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        multiple=True,
        expose_value=False,
        callback=_keep_extra,
        metavar="DIR",
        help="A folder with further profiles, models and families, beside those that the configuration names.",
    )(command)
    return click.option(
        "--config",
        "config_path",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar="TRACKER_GATEWAY_CONFIG",
        show_envvar=True,
        help="The configuration file; without it, gateway.toml here if there is one, else the defaults.",
    )(command)


def _extra() -> tuple[Path, ...]:
    context = click.get_current_context(silent=True)
    return () if context is None else context.meta.get(_EXTRA, ())


def load_config(path: Path | None) -> Config:
    """The configuration. Raises Failure with one line for a file that is not there or wrong."""
    from tracker_gateway.config.file import ConfigError, load

    try:
        return load(path, extra_profiles=_extra())
    except ConfigError as error:
        raise Failure("; ".join(str(error).splitlines())) from None


def use_catalogue(path: Path | None) -> None:
    """Adds the operator's own profiles and models. Costs nothing where no configuration is in sight."""
    from_environment = "TRACKER_GATEWAY_EXTRA_PROFILES" in os.environ
    if path is None and not from_environment and not _extra() and not Path("gateway.toml").exists():
        return

    from tracker_profiles import directories

    for directory in load_config(path).extra_profiles:
        directories.add_directory(directory)


@asynccontextmanager
async def opened(path: Path | None, *, write: bool = False, create: bool = False) -> AsyncIterator[Store]:
    """The store of this configuration. Raises Failure when it does not exist, unless it may be made (`create`)."""
    from tracker_gateway.store import StoreError, open_store

    place = str(load_config(path).store.path)
    _look_for(place, create)
    try:
        store = await open_store(place, read_only=not write)
    except StoreError as error:
        raise Failure(str(error)) from None
    try:
        yield store
    except StoreError as error:
        raise Failure(str(error)) from None
    finally:
        await store.close()


def _look_for(place: str, create: bool) -> None:
    """Says clearly when there is no file there yet. A store that is no file is asked itself."""
    path = place.removeprefix("sqlite:")
    path = f"/{path.lstrip('/')}" if path.startswith("///") else path
    if ":" in path[2:] or Path(path).exists():
        return
    if not create:
        raise Failure(
            f"there is no store at {place} yet; `tracker-gateway serve`, `tracker add` or `key create` makes one"
        )
    if sys.stdin.isatty() and sys.stderr.isatty():
        click.confirm(f"There is no store at {place} yet. Create it?", abort=True, err=True)
    else:
        click.echo(f"creating the store {place}", err=True)


def finished(command: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, R]:
    """A command written as a coroutine, run to its end."""

    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        return asyncio.run(command(*args, **kwargs))

    run.__name__ = command.__name__
    run.__doc__ = command.__doc__
    return run
