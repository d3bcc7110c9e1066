"""How commands speak: aligned tables, JSON, one line for an error."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import Enum
from typing import Any, ParamSpec, TypeVar

import click
import orjson

P = ParamSpec("P")
R = TypeVar("R")


class Negative(Exception):
    """The answer is no, and everything about it is printed already: exit code 1."""


class PipeGone(Exception):
    """Whoever read our output has gone. Not an OSError, which click would take for itself."""


class Failure(click.ClickException):
    """The operation failed: one line on stderr, exit code 1."""


def as_json(value: Any, *, pretty: bool = False) -> str:
    """JSON of whatever a codec or the store gives: bytes in hexadecimal, times in ISO 8601, enums by name."""
    option = orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_SUBCLASS | (orjson.OPT_INDENT_2 if pretty else 0)
    return orjson.dumps(value, default=_plain, option=option).decode()


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, Enum):
        return value.name.lower() if isinstance(value, int) else value.value
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset | tuple | Sequence) and not isinstance(value, str):
        return sorted(value) if isinstance(value, set | frozenset) else list(value)
    if isinstance(value, int | str | float):  # a subclass of a plain type
        for plain in (bool, int, float, str):
            if isinstance(value, plain):
                return plain(value)
    return str(value)


def show_json(value: Any) -> None:
    """The value on stdout, indented."""
    click.echo(as_json(value, pretty=True))


def show_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, empty: str) -> None:
    """An aligned table of these columns; `empty` in its place when there is no row. Heads are the columns' names."""
    if not rows:
        click.echo(empty)
        return
    lines = [[column.replace("_", " ").upper() for column in columns]]
    lines += [[cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    for line in lines:
        click.echo("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def show_pairs(pairs: Mapping[str, Any]) -> None:
    """Name and value, one a line, aligned; nothing for a None."""
    shown = {name.replace("_", " "): value for name, value in pairs.items() if value is not None}
    width = max(map(len, shown), default=0)
    for name, value in shown.items():
        click.echo(f"{name.ljust(width)}  {cell(value)}".rstrip())


def cell(value: Any) -> str:
    """A value as people read it in a table."""
    match value:
        case None | "":
            return "-"
        case bool():
            return "yes" if value else "no"
        case str():
            return value
        case Enum():
            return value.name.lower() if isinstance(value, int) else str(value.value)
        case list() | tuple() | set() | frozenset():
            return ", ".join(cell(each) for each in value) or "-"
        case dict():
            return as_json(value)
        case _:
            return str(value)


def when(seconds: float | None) -> str | None:
    """A Unix time (s) as UTC to the second; None for 0 and None."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S") if seconds else None


@contextmanager
def readable() -> Iterator[None]:
    """Turns what the rooms below raise for a wrong name, file or value into one line."""
    from tracker_codecs.errors import LocalError, PeerError
    from tracker_profiles.errors import CatalogError, UnknownName

    try:
        yield
    except (UnknownName, CatalogError, LocalError, PeerError) as error:
        raise Failure(str(error)) from error
    except BrokenPipeError:
        raise PipeGone from None
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        raise Failure(f"{name}{error.strerror or error}") from error


def reports_errors(command: Callable[P, R]) -> Callable[P, R]:
    """`readable` around a whole command."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        with readable():
            return command(*args, **kwargs)

    return wrapped


json_option = click.option("--json", "as_json_", is_flag=True, help="Print JSON instead of a table.")
