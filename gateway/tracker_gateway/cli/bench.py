"""`bench`: settings brought to a device on a serial port of this machine, and proved there."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tracker_gateway.cli.benched import device_options, run_on, settings_of, show
from tracker_gateway.cli.output import Failure, Negative, json_option, reports_errors, show_json, show_pairs, show_table

if TYPE_CHECKING:
    from tracker_codecs.contract import FieldOutcome, Settings, Target

    from tracker_gateway.bench.work import Found, Wanted


@click.group()
def bench() -> None:
    """Set and verify a device on a serial port of this machine: no daemon, no store.

    Every exchange is shown on standard error as it happens. The exit code is 0 only for what the device itself
    confirmed.

    \b
    Example:
      tracker-gateway bench list
      tracker-gateway bench apply /dev/ttyACM0 '{"tracking_interval_ms": 200}'
    """


@bench.command("list")
@json_option
@reports_errors
def list_ports(as_json_: bool) -> None:
    """List the serial ports that are plugged in, and what they seem to be.

    \b
    Example:
      tracker-gateway bench list --json
    """
    from tracker_gateway.bench.usb import seems
    from tracker_gateway.transports.port import plugged_in

    rows = []
    for port in plugged_in():
        what, family = seems(port)
        rows.append(
            {
                "port": port.path,
                "tty": port.tty,
                "usb_id": port.usb_id or None,
                "usb_serial": port.usb_serial,
                "seems": what,
                "codec": family or None,
            }
        )
    if as_json_:
        show_json(rows)
    else:
        show_table(
            rows, ("port", "tty", "usb_id", "usb_serial", "seems", "codec"), empty="no serial port is plugged in"
        )


@bench.command()
@device_options
@json_option
@reports_errors
def identify(wanted: Wanted, as_json_: bool) -> None:
    """Ask the device on PORT who it is.

    Without --codec and --model it listens first, and then asks as GNSS receivers are asked: nothing else is sent to a
    port of which nothing is known.

    \b
    Example:
      tracker-gateway bench identify /dev/ttyACM0
    """

    async def work(found: Found, wanted: Wanted) -> None:
        (show_json if as_json_ else show_pairs)(found.facts())

    run_on(wanted, work)


@bench.command()
@device_options
@json_option
@reports_errors
def read(wanted: Wanted, as_json_: bool) -> None:
    """Read the settings of the device on PORT. The exit code is 1 when it tells none.

    \b
    Example:
      tracker-gateway bench read /dev/ttyACM0 --model ublox_m8
    """

    async def work(found: Found, wanted: Wanted) -> None:
        from tracker_gateway.bench.work import names, target_of

        target = target_of(wanted, found)
        asked = names(found.family, target)
        outcome = await found.line.run(found.family.read(target, asked))
        if as_json_:
            show_json(dict(outcome.reported))
        else:
            rows = [{"field": name, "reported": outcome.reported.get(name)} for name in asked]
            show_table(rows, ("field", "reported"), empty="the device cannot be asked for its settings")
        if not outcome.reported:
            raise Negative

    run_on(wanted, work)


def _checked(found: Found, wanted: Wanted, settings: Settings) -> Target:
    from tracker_gateway.bench.work import problems_of, target_of

    target = target_of(wanted, found)
    wrong = problems_of(found.family, target, settings)
    if wrong:
        raise Failure(f"nothing was sent: {'; '.join(wrong)}")
    return target


def _table(fields: Mapping[str, FieldOutcome], as_json: bool) -> None:
    rows = [
        {
            "field": name,
            "desired": each.desired,
            "reported": each.reported,
            "state": each.state,
            "strength": each.strength.name.lower() if each.strength is not None else None,
            "reason": each.reason,
        }
        for name, each in fields.items()
    ]
    if as_json:
        show_json(rows)
    else:
        columns = ("field", "desired", "reported", "state", "strength", "reason")
        show_table(rows, columns, empty="every setting is as wanted")


async def _compare(found: Found, wanted: Wanted, settings: Settings) -> dict[str, FieldOutcome]:
    from tracker_gateway.bench.work import compared, names

    target = _checked(found, wanted, settings)
    outcome = await found.line.run(found.family.read(target, names(found.family, target, settings)))
    return compared(settings, outcome)


@bench.command()
@device_options
@click.argument("settings")
@json_option
@reports_errors
def diff(wanted: Wanted, settings: str, as_json_: bool) -> None:
    """Show where the device on PORT differs from SETTINGS (a file, or a JSON object). The exit code is 1 if it does.

    \b
    Example:
      tracker-gateway bench diff /dev/ttyACM0 wanted.json
    """
    desired = settings_of(settings)

    async def work(found: Found, wanted: Wanted) -> None:
        from tracker_codecs.contract import FieldState

        fields = await _compare(found, wanted, desired)
        differing = {name: each for name, each in fields.items() if each.state is not FieldState.CONFIRMED}
        _table(differing, as_json_)
        if differing:
            raise Negative

    run_on(wanted, work)


@bench.command()
@device_options
@click.argument("settings")
@json_option
@reports_errors
def verify(wanted: Wanted, settings: str, as_json_: bool) -> None:
    """Read the device on PORT and hold it against SETTINGS (a file, or a JSON object), field by field.

    The exit code is 0 only if the device confirms every one of them.

    \b
    Example:
      tracker-gateway bench verify /dev/ttyACM0 '{"tracking_interval_ms": 200}'
    """
    desired = settings_of(settings)

    async def work(found: Found, wanted: Wanted) -> None:
        from tracker_gateway.bench.work import confirmed

        fields = await _compare(found, wanted, desired)
        _table(fields, as_json_)
        if not confirmed(fields):
            raise Negative

    run_on(wanted, work)


@bench.command()
@device_options
@click.argument("settings")
@click.option(
    "--records",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the signed-off records that `models show` displays; by default one below your home.",
)
@click.option("--by", metavar="NAME", help="Who signs it off; your login name by default.")
@json_option
@reports_errors
def apply(wanted: Wanted, settings: str, records: Path | None, by: str | None, as_json_: bool) -> None:
    """Bring SETTINGS (a file, or a JSON object) to the device on PORT and have it confirm them.

    The exit code is 0 only if it confirms every one; then a record is kept of model, firmware and date. Ctrl-C ends it
    at once as long as nothing was changed; a change under way is brought to its end first.

    \b
    Example:
      tracker-gateway bench apply /dev/ttyACM0 '{"tracking_interval_ms": 200}'
    """
    desired = settings_of(settings)

    async def work(found: Found, wanted: Wanted) -> None:
        from tracker_gateway.bench.work import confirmed

        target = _checked(found, wanted, desired)
        fields = await _applied(found, wanted, target, desired)
        _table(fields, as_json_)
        if found.line.interrupted:
            raise click.Abort
        if not confirmed(fields):
            raise Negative
        path = _sign_off(found, target, desired, records, by)
        show(f"verified on {target.model}; the record is {path}")

    run_on(wanted, work)


async def _applied(found: Found, wanted: Wanted, target: Target, desired: Settings) -> Mapping[str, FieldOutcome]:
    """The outcome of each field. Broken off, it says what was written and what was not.

    A device that takes its port away to restart is asked again once it is back.
    """
    from tracker_gateway.bench.line import BenchError, Interrupted
    from tracker_gateway.bench.work import returned

    try:
        outcome = await found.line.run(found.family.apply(target, desired))
    except (BenchError, Interrupted) as error:
        _told_what_was_written(found, desired)
        went = isinstance(error, BenchError) and found.line.lost and found.line.written
        if went and await returned(wanted, found, show):
            return await _compare(found, wanted, desired)
        raise
    if found.line.interrupted:
        _told_what_was_written(found, desired)
    return outcome.fields


def _told_what_was_written(found: Found, desired: Settings) -> None:
    left = set(desired)
    for text, (command, reply) in found.line.written.items():
        show(f"written: {text} ({'no answer yet' if reply is None else reply.verdict.value})")
        left -= set(command.fields)
    if left:
        show(f"not written: {', '.join(sorted(left))}")


def _sign_off(found: Found, target: Target, desired: Settings, records: Path | None, by: str | None) -> Path:
    from tracker_gateway import __version__
    from tracker_gateway.bench import records as records_

    now = datetime.now(UTC)
    record = records_.Verified(
        model=target.model,
        codec=found.family.name,
        firmware=found.known.get("firmware", ""),
        hardware=found.known.get("hardware", ""),
        date=now.date().isoformat(),
        by=by or getpass.getuser(),
        form=str(found.form),
        settings=desired,
        gateway=__version__,
    )
    return records_.write(records or records_.default_folder(), record, now)


@bench.command()
@device_options
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The file; it must not exist. It holds whatever the unit says: look before you share it.",
)
@click.option("--settings", metavar="JSON", help="Record how these (a file, or a JSON object) are applied.")
@click.option("--redact-ids", is_flag=True, help="Replace the unit's id by a made-up one.")
@reports_errors
def record(wanted: Wanted, output: Path, settings: str | None, redact_ids: bool) -> None:
    """Record what is said with the device on PORT as a dialogue, for firmware-fixtures/ and `replay`.

    Without --settings it is a reading of all settings.

    \b
    Example:
      tracker-gateway bench record /dev/ttyACM0 -o m8.yaml --settings '{"tracking_interval_ms": 200}'
    """
    desired = None if settings is None else settings_of(settings)

    async def work(found: Found, wanted: Wanted) -> None:
        from tracker_gateway.bench.work import confirmed, names, target_of
        from tracker_gateway.bench.written import dialogue

        target = target_of(wanted, found) if desired is None else _checked(found, wanted, desired)
        before = len(found.line.steps)
        if desired is None:
            await found.line.run(found.family.read(target, names(found.family, target)))
            fields: Mapping[str, FieldOutcome] = {}
        else:
            fields = await _applied(found, wanted, target, desired)
            _table(fields, as_json=False)
        action = {"reread": True} if desired is None else {"update": desired}
        text, dropped = dialogue(found, target, before, action, fields, redact_ids=redact_ids)
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
        if dropped:
            show(f"{dropped} pieces are left out: they tell the unit's id")
        show(f"{len(found.line.steps)} steps in {output}")
        if desired is not None and not confirmed(fields):
            raise Negative

    run_on(wanted, work)
