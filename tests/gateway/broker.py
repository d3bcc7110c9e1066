"""A real broker: Mosquitto on a free port of the loopback, and emulated devices behind it."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
from tracker_codecs.contract import Datum, Emulator
from tracker_gateway.replay.broker import LocalBroker


class Mosquitto(LocalBroker):
    """A broker that can be killed and started again on the same port; `lines` go into its configuration."""

    def __init__(self, folder: Path, **lines: str) -> None:
        super().__init__(folder, [f"{name} {value}" for name, value in {"allow_anonymous": "true", **lines}.items()])


@asynccontextmanager
async def mosquitto(folder: Path, **lines: str) -> AsyncIterator[Mosquitto]:
    """A running broker; `lines` go into its configuration."""
    broker = Mosquitto(folder, **lines)
    await broker.start()
    try:
        yield broker
    finally:
        await broker.kill()


class Unit:
    """An emulated device (with the network server before it, if the family has one) on a broker."""

    def __init__(self, emulator: Emulator, client: aiomqtt.Client, qos: int) -> None:
        self.emulator = emulator
        self.client = client
        self.qos = qos
        self.obeys = asyncio.Event()
        self.obeys.set()
        self.heard: list[tuple[str, bytes]] = []

    async def say(self, data: list[Datum], *, retain: bool = False, twice: bool = False) -> None:
        for datum in data:
            for _ in range(2 if twice else 1):
                await self.client.publish(datum.channel, datum.data, qos=self.qos, retain=retain)

    async def obey(self) -> None:
        async for message in self.client.messages:
            payload = message.payload
            assert isinstance(payload, bytes)
            self.heard.append((str(message.topic), payload))
            await self.obeys.wait()
            await self.say(self.emulator.receive(payload, str(message.topic)))


@asynccontextmanager
async def unit(port: int, emulator: Emulator, *, qos: int = 1, **options: Any) -> AsyncIterator[Unit]:
    """The device, listening; it says nothing by itself."""
    async with aiomqtt.Client("127.0.0.1", port, **options) as client:
        for topic in emulator.subscriptions():
            await client.subscribe(topic, qos=qos)
        device = Unit(emulator, client, qos)
        task = asyncio.create_task(device.obey())
        try:
            yield device
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def certificates(folder: Path, *, days: int = 2) -> tuple[Path, Path, Path]:
    """An authority, and the broker's certificate and key signed by it; `days` below 0: expired."""
    ca, key = folder / "ca.pem", folder / "ca.key"
    broker_key, request, certificate = folder / "broker.key", folder / "broker.csr", folder / "broker.pem"
    extensions = folder / "extensions"
    # Complete, as Python 3.13 is strict (RFC 5280).
    extensions.write_text(
        "subjectAltName=IP:127.0.0.1\nkeyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=serverAuth\n"
        "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
    )

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=60)

    new = ("-newkey", "rsa:2048", "-nodes", "-keyout")
    use = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
    openssl("req", "-x509", *new, str(key), "-out", str(ca), "-days", "2", "-subj", "/CN=test authority", *use)
    openssl("req", *new, str(broker_key), "-out", str(request), "-subj", "/CN=127.0.0.1")
    signing = ("-CA", str(ca), "-CAkey", str(key), "-CAcreateserial", "-extfile", str(extensions))
    openssl("x509", "-req", "-in", str(request), *signing, "-out", str(certificate), "-days", str(days))
    return ca, certificate, broker_key


def password_file(folder: Path, user: str, password: str) -> Path:
    """A password file of Mosquitto with one user."""
    path = folder / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(path), user, password], check=True, timeout=20)
    return path
