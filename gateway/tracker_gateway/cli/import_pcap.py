"""`import-pcap`: dialogues out of a packet capture."""

from __future__ import annotations

from pathlib import Path

import click

from tracker_gateway.cli.opened import config_option, use_catalogue
from tracker_gateway.cli.output import Failure, reports_errors


@click.command("import-pcap")
@click.argument("capture", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE")
@click.option("--port", required=True, type=click.IntRange(1, 65535), help="The gateway's port.")
@click.option("--codec", required=True, metavar="FAMILY", help="What is spoken there, such as teltonika.")
@click.option("--transport", type=click.Choice(["tcp", "udp"]), default="tcp", show_default=True, help="The link.")
@click.option("--model", metavar="CODE", help="The device's model, for replays.")
@click.option(
    "-o", "--output", "folder", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="Where to."
)
@click.option("--redact-ids", is_flag=True, help="Replace device ids by made-up ones.")
@click.option("--mask", multiple=True, metavar="TEXT", help="Mask this, as a device's password, at equal length.")
@config_option
@reports_errors
def import_pcap(
    capture: Path,
    port: int,
    codec: str,
    transport: str,
    model: str | None,
    folder: Path,
    redact_ids: bool,
    mask: tuple[str, ...],
    config_path: Path | None,
) -> None:
    """Turn a packet capture (pcap or pcapng) into dialogues that `replay` plays.

    One file for each TCP connection, or for each device that sends datagrams; their names go to standard output. Where
    the capture lost bytes of a connection, its dialogue ends, and a line says how many are missing.

    \b
    Examples:
      tracker-gateway import-pcap trackers.pcap --port 5027 --codec teltonika -o dialogues
      tracker-gateway import-pcap trackers.pcapng --port 5004 --codec queclink --transport udp --redact-ids
    """
    from tracker_codecs import registry
    from tracker_codecs.contract import Transport

    from tracker_gateway.recording.capture import CaptureError, segments
    from tracker_gateway.recording.collect import Collector
    from tracker_gateway.recording.imports import Importer

    use_catalogue(config_path)
    collector = Collector(
        registry.get(codec),
        Transport(transport),
        folder,
        lambda line: click.echo(line, err=True),
        source=f"packet capture of a {transport} link",
        model=model,
        redact_ids=redact_ids,
        mask=mask,
    )
    importer = Importer(collector, port)
    problem = ""
    try:
        with capture.open("rb") as file:
            importer.run(segments(file, port))
    except OSError as error:
        raise Failure(f"{capture}: {error.strerror or error}") from None
    except CaptureError as error:
        problem = f"{capture}: {error}"
    for path in collector.written:
        click.echo(str(path))
    if problem:
        raise Failure(problem + (f"; {len(collector.written)} dialogues before it" if collector.written else ""))
    if not importer.seen:
        other = "udp" if transport == "tcp" else "tcp"
        hint = f"; {importer.others} packets of that port are {other} (--transport {other})" if importer.others else ""
        raise Failure(f"{capture}: nothing goes from or to {transport} port {port}{hint}")
    if not collector.written:
        raise Failure(f"{capture}: no dialogue of {codec} in it")
