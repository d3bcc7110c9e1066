"""One port for several families: the first bytes decide, and what is ambiguous is refused, not guessed."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from tracker_codecs import registry
from tracker_codecs.contract import Transport
from tracker_gateway.cli.device_ids import following, sample
from tracker_gateway.config.file import Config
from tracker_gateway.daemon import Daemon
from tracker_gateway.transports import hub
from tracker_gateway.transports.room import ListenError
from tracker_gateway.transports.sniff import clashes
from tracker_profiles import models

from tests.gateway import fake_family
from tests.gateway.running import Line, Running, config, running, until

#: Openings from outside: the vendor's protocol page; GL300 @Tracker R1.02; Concox protocol v1.8.1.
TELTONIKA = bytes.fromhex("000f333536333037303432343431303133")
QUECLINK = b"+ACK:GTHBD,1A0102,135790246811220,,20100214093254,11F0$"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
GT06 = bytes.fromhex("78780d01012345678901234500018cdd0d0a")


def shared(path: Path, families: Any, **sections: Any) -> Config:
    plain = config(path, **sections).model_dump()
    plain["listeners"] = [{"family": families, "host": "127.0.0.1", "port": 0}]
    return Config.model_validate(plain, strict=False)


async def opened(gateway: Running, data: bytes, *, split: bool = False) -> Line:
    device = await gateway.connect("gt06")
    for piece in [bytes([byte]) for byte in data] if split else [data]:
        device.say(piece)
        await device.writer.drain()
    return device


@pytest.mark.parametrize("families", [("teltonika", "queclink", "gt06"), "auto"])
@pytest.mark.parametrize("split", [False, True])
async def test_each_device_is_served_by_its_own_family(
    tmp_path: Path, families: Any, split: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_tree = [registry.get(name) for name in registry._in_tree()]  # other tests make up families that open alike
    monkeypatch.setattr(registry, "all_families", lambda: in_tree)
    async with running(shared(tmp_path, families)) as gateway:
        await gateway.add("356307042441013", "telfmb920")
        await gateway.add("135790246811220", "gl300")
        await gateway.add("123456789012345", "concox_x3")
        assert len({gateway.daemon.addresses[name, Transport.TCP] for name in ("teltonika", "queclink", "gt06")}) == 1
        devices = [await opened(gateway, data, split=split) for data in (TELTONIKA, QUECLINK, GT06)]
        assert await devices[0].hear(1) == b"\x01"
        assert await devices[1].hear(24) == b"+SACK:GTHBD,1A0102,11F0$"
        assert (await devices[2].hear(10)).hex() == "787805010001d9dc0d0a"
        for name in ("teltonika", "queclink", "gt06"):
            assert (gateway.stats(name).links, gateway.stats(name).sessions) == (1, 1)
        assert gateway.daemon.hub.shared.guard.unidentified == 0
        for device in devices:
            device.hang_up()
        await until(lambda: gateway.daemon.hub.shared.guard.links == 0)


async def test_every_family_of_datagrams_is_served_on_one_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The register decides: what a datagram says its device is, is served as its model's family."""
    in_tree = [registry.get(name) for name in registry._in_tree()]
    monkeypatch.setattr(registry, "all_families", lambda: in_tree)
    wanted = [family for family in in_tree if Transport.UDP in family.transports]
    plain = config(tmp_path).model_dump()
    plain["listeners"] = [{"family": "auto", "transport": "udp", "host": "127.0.0.1", "port": 0}]
    async with running(Config.model_validate(plain, strict=False)) as gateway:
        to = gateway.daemon.addresses["queclink", Transport.UDP]
        sockets = []
        for number, family in enumerate(wanted):
            model = next(each for each in models.all_models().values() if each.codec == family.name)
            first = "unit00" if model.id_type.startswith("string") else sample(model.id_type)
            device_id = following(model.id_type, first, number + 1)[-1]
            await gateway.add(device_id, model.code, options=dict(family.needed_options))
            unit = family.emulator(
                device_id,
                model.variant,
                transport=Transport.UDP,
                options={**family.needed_options, **model.options},
            )
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sockets.append(sender)
            for datum in (*unit.connect(), *unit.report(NOW)):
                sender.sendto(datum.data, to)
            await until(lambda name=family.name: gateway.stats(name, "udp").sessions == 1)  # type: ignore[misc]
        assert len(wanted) > 10
        assert sum(gateway.stats(family.name, "udp").links for family in wanted) == len(wanted)
        stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sockets.append(stranger)
        stranger.sendto(b"hello, is anybody there?", to)
        await until(lambda: gateway.stats(wanted[0].name, "udp").peer_errors > 0)
        for each in sockets:
            each.close()


async def test_a_codec_that_fails_makes_no_other_family_deaf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Any, data: bytes, channel: str = "") -> Any:
        raise RuntimeError("a defect")

    monkeypatch.setattr(type(registry.get("teltonika").stream(Transport.UDP)), "feed", broken)
    plain = config(tmp_path).model_dump()
    plain["listeners"] = [{"family": ("teltonika", "queclink"), "transport": "udp", "host": "127.0.0.1", "port": 0}]
    async with running(Config.model_validate(plain, strict=False)) as gateway:
        await gateway.add("135790246811220", "gl300")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(QUECLINK, gateway.daemon.addresses["queclink", Transport.UDP])
            await until(lambda: gateway.stats("queclink", "udp").sessions == 1)
        assert gateway.stats("teltonika", "udp").failures == 1


async def test_what_nobody_recognises_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "SWEEP", 0.05)
    async with running(shared(tmp_path, ("queclink", "gt06"), links={"identify_timeout": 0.3})) as gateway:
        for opening in (b"hello, is anybody there?", b"GET / HTTP/1.1\r\n\r\n", b"", b"+"):
            device = await opened(gateway, opening)
            assert await device.closed() == b""
        await until(lambda: gateway.daemon.hub.shared.guard.links == 0)
        assert gateway.stats("queclink").foreign == 1
        assert sum(gateway.stats("queclink").closes.values()) == 4


async def test_families_that_open_alike_cannot_share_a_port(tmp_path: Path) -> None:
    assert clashes([fake_family.FAMILY, evolve(fake_family.FAMILY, name="twin")]) == ["fake and twin"]
    fake_family.install()
    wanted = shared(tmp_path, ("fake", "gt06"))

    def alike(families: Any) -> list[str]:
        return ["fake and gt06"]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hub, "clashes", alike)
        with pytest.raises(ListenError, match="cannot be shared: links open alike of fake and gt06"):
            await Daemon(wanted).start()


@pytest.mark.parametrize(
    ("families", "transport", "told"),
    [
        (("gt06", "gt06"), "tcp", "one twice"),
        ((), "tcp", "names no family"),
        (("gt06", "gt07"), "tcp", "is 'gt06' meant"),
        (("teltonika", "arknav"), "udp", "arknav does not speak udp"),
    ],
)
def test_a_wrong_listener_is_refused_in_words(families: Any, transport: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Config.model_validate({"listeners": [{"family": families, "transport": transport, "port": 1}]}, strict=False)
