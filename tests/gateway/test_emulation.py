"""Emulated devices on real sockets, against a plain server that understands a family's frames by its codec's stream."""

from __future__ import annotations

import asyncio
import io
import itertools
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import pytest
from tracker_codecs import registry
from tracker_codecs.contract import NO_FAULTS, Command, Emulator, Faults, Kind, Match, Message, Target, Transport
from tracker_codecs.errors import LocalError
from tracker_gateway.emulation import Fleet, News, Pace
from tracker_gateway.emulation.run import run_fleet

from tests.gateway.cli_runner import tg
from tests.gateway.running import free_port, until

GT06 = registry.get("gt06")
QUECLINK = registry.get("queclink")
IMEI = "356307042441013"


def gt06(count: int = 1, faults: Faults = NO_FAULTS) -> list[Emulator]:
    return [
        GT06.emulator(f"{int(IMEI) + index}", "concoxgt06", settings={"tracking_interval": 30}, faults=faults)
        for index in range(count)
    ]


def queclink(link: Transport = Transport.TCP) -> list[Emulator]:
    return [QUECLINK.emulator(IMEI, "gl200", transport=link)]


class Server(asyncio.Protocol, asyncio.DatagramProtocol):  # type: ignore[misc]  # one class for both kinds of links
    """Answers what is owed (if `answers`), keeps what it understood. One object a connection."""

    links: ClassVar[list[Server]] = []

    def __init__(self, family: Any, link: Transport, answers: bool) -> None:
        self.stream = family.stream(link)
        self.answers = answers
        self.transport: Any = None
        self.messages: list[Message] = []
        self.times: list[float] = []
        self.open = False
        self.peer: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.open = True
        self.links.append(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.open = False

    def data_received(self, data: bytes) -> None:
        for message in self.stream.feed(data):
            assert isinstance(message, Message), message
            self.messages.append(message)
            self.times.append(asyncio.get_running_loop().time())
            if message.owed and self.answers:
                self.say(message.owed)

    def datagram_received(self, data: bytes, address: Any) -> None:
        self.peer = address
        self.data_received(data)

    def say(self, data: bytes) -> None:
        if self.peer is None:
            self.transport.write(data)
        else:
            self.transport.sendto(data, self.peer)

    def kinds(self) -> list[Kind]:
        return [message.kind for message in self.messages]

    def reports(self) -> int:
        return self.kinds().count(Kind.REPORT)


@asynccontextmanager
async def server(
    family: Any, link: Transport = Transport.TCP, *, port: int = 0, answers: bool = True
) -> AsyncIterator[tuple[int, list[Server]]]:
    """Its port, and the connections it got, in order."""
    loop = asyncio.get_running_loop()
    Server.links = links = []

    def make() -> Server:
        return Server(family, link, answers)

    if link is Transport.UDP:
        transport, _ = await loop.create_datagram_endpoint(make, local_addr=("127.0.0.1", port))
        yield transport.get_extra_info("sockname")[1], links
        transport.close()
        return
    listening = await loop.create_server(make, "127.0.0.1", port)
    yield listening.sockets[0].getsockname()[1], links
    listening.close()
    for each in links:
        each.transport.abort()


def fleet(port: int, emulators: list[Emulator], family: Any = GT06, **options: Any) -> Fleet:
    link = options.pop("link", Transport.TCP)
    rate = options.pop("rate", 5000.0)
    listener = options.pop("listener", None)
    pace = Pace(**{"retry": 0.05, "retry_limit": 0.2, **options})
    return Fleet(emulators, family, link, "127.0.0.1", port, pace=pace, rate=rate, listener=listener)


async def command(link: Server, sent: Command) -> Message:
    """The device's answer to a command."""
    before = len(link.messages)
    link.say(sent.payload)
    answers: list[Message] = []

    def answered() -> bool:
        answers[:] = [each for each in link.messages[before:] if sent.match(each) is not Match.NO]
        return bool(answers)

    await until(answered)
    return answers[0]


def typed(text: str) -> Command:
    """What an operator types to the GT06 unit."""
    return GT06.raw(Target(IMEI, variant="concoxgt06"), text)


class TestReports:
    async def test_login_first_then_reports_at_the_given_pace(self) -> None:
        async with server(GT06) as (port, links), fleet(port, gt06(), every=0.05) as devices:
            await until(lambda: links and links[0].reports() >= 5)
            assert links[0].kinds()[:2] == [Kind.LOGIN, Kind.REPORT]
            assert links[0].messages[0].device_id == IMEI
            assert devices.counters.reports >= 5
            first, last = (links[0].times[index] for index in (1, 5))
            assert last - first > 0.15  # four pauses of 0.05 s

    async def test_no_report_before_the_login_is_answered(self) -> None:
        async with server(GT06, answers=False) as (port, links), fleet(port, gt06(), every=0.02):
            await until(lambda: links and links[0].messages)
            await asyncio.sleep(0.1)
            assert links[0].kinds() == [Kind.LOGIN]
            links[0].say(links[0].messages[0].owed)
            await until(lambda: links[0].reports() >= 2)

    async def test_heartbeats(self) -> None:
        async with server(GT06) as (port, links), fleet(port, gt06(), heartbeat=0.05) as devices:
            await until(lambda: links and links[0].kinds().count(Kind.HEARTBEAT) >= 3)
            assert links[0].reports() == 1  # it is set to 30 s
            assert devices.counters.heartbeats >= 3

    async def test_datagrams(self) -> None:
        async with (
            server(QUECLINK, Transport.UDP) as (port, links),
            fleet(port, queclink(Transport.UDP), QUECLINK, link=Transport.UDP, every=0.05) as devices,
        ):
            await until(lambda: links[0].reports() >= 3)
            assert links[0].kinds()[0] is Kind.HEARTBEAT
            target = Target(IMEI, variant="gl200", transport=Transport.UDP)
            await command(links[0], next(QUECLINK.read(target, ["tracking_interval"])))
            assert devices.counters.answered == 1
            assert devices.devices[0].connected

    async def test_a_fleet(self) -> None:
        async with server(GT06) as (port, links):
            async with fleet(port, gt06(300), every=0.2) as devices:
                assert await devices.until(
                    lambda: devices.counters.reports >= 900 and devices.counters.connected == 300, 20
                )
                assert (devices.reached, devices.counters.connected) == (300, 300)
                assert devices.counters.lost == devices.counters.refused == 0
            assert devices.counters.connected == 0
            await until(lambda: not any(link.open for link in links))
            assert {link.messages[0].device_id for link in links} == {device.device_id for device in devices.devices}


class TestObedience:
    async def test_a_command_changes_the_settings_and_the_pace(self) -> None:
        news: list[News] = []
        async with server(GT06) as (port, links), fleet(port, gt06(), listener=lambda _, told: news.append(told)) as it:
            await until(lambda: links and links[0].reports() == 1)
            answer = await command(links[0], typed("TIMER,5,60#"))
            assert answer.text == "OK!"
            assert it.devices[0].settings["tracking_interval"] == 5
            assert (it.counters.answered, it.counters.changed) == (1, 1)
            assert news == [News.CONNECTED, News.REPORTED, News.ANSWERED, News.CHANGED]
            # 5 s are counted from the last report on, not from the command
            due = it.devices[0]._report.when()  # type: ignore[union-attr]  # waiting for it would take 5 s
            assert due - links[0].times[1] == pytest.approx(5, abs=0.5)

    async def test_a_query_changes_nothing(self) -> None:
        async with server(GT06) as (port, links), fleet(port, gt06()) as devices:
            await until(lambda: links and links[0].reports() == 1)
            assert (await command(links[0], typed("TIMER#"))).text.startswith("TIMER:30,")
            assert (devices.counters.answered, devices.counters.changed) == (1, 0)


class TestLinks:
    async def test_comes_back_after_a_break(self) -> None:
        async with server(GT06) as (port, links), fleet(port, gt06(), every=0.05) as devices:
            await until(lambda: links and links[0].reports())
            links[0].transport.abort()
            await until(lambda: len(links) == 2 and links[1].reports())
            assert links[1].kinds()[0] is Kind.LOGIN
            assert (devices.counters.lost, devices.counters.connects) == (1, 2)

    @pytest.mark.parametrize("link", [Transport.TCP, Transport.UDP])
    async def test_waits_for_a_server_to_come(self, link: Transport) -> None:
        port = free_port()
        async with fleet(port, queclink(link), QUECLINK, link=link, every=0.05) as devices:
            assert await devices.until(lambda: devices.counters.refused >= 3, 5)
            assert devices.reached == 0
            assert "refused" in devices.problem
            async with server(QUECLINK, link, port=port) as (_, links):
                await until(lambda: links and links[0].reports())
                await until(lambda: devices.reached == 1)
                assert devices.problem == ""

    async def test_pauses_grow(self) -> None:
        times: list[float] = []
        loop = asyncio.get_running_loop()

        def listener(_: object, told: News) -> None:
            if told is News.REFUSED:
                times.append(loop.time())

        async with fleet(free_port(), gt06(), retry=0.04, retry_limit=10.0, listener=listener) as devices:
            assert await devices.until(lambda: len(times) >= 5, 5)
        pauses = [later - earlier for earlier, later in itertools.pairwise(times[:4])]
        for index, pause in enumerate(pauses):  # the plan is 40, 80, 160 ms, cut by at most a half
            assert pause >= 0.02 * 2**index
        assert times[4] - times[3] >= 0.16

    async def test_sleeps_and_wakes(self) -> None:
        async with server(GT06) as (port, links), fleet(port, gt06(), every=0.02, awake=0.2, asleep=0.3) as devices:
            await until(lambda: len(links) == 1 and links[0].reports() >= 2)
            await until(lambda: not links[0].open)
            assert devices.counters.connected == 0
            asleep = asyncio.get_running_loop().time()
            await until(lambda: len(links) == 2)
            assert asyncio.get_running_loop().time() - asleep > 0.2
            assert devices.counters.lost == 0  # it went by itself

    async def test_can_be_stopped_and_started_again(self) -> None:
        async with server(GT06) as (port, links):
            devices = fleet(port, gt06(), every=0.02)
            await devices.start()
            await until(lambda: links and links[0].reports())
            await devices.stop()
            count = devices.counters.reports
            await asyncio.sleep(0.1)
            assert (len(links), devices.counters.reports, devices.counters.connected) == (1, count, 0)
            await devices.start()
            await until(lambda: len(links) == 2 and links[1].reports())
            await devices.stop()

    async def test_a_server_that_does_not_read(self) -> None:
        async with server(GT06) as (port, links), fleet(port, gt06(), every=0.01) as devices:
            await until(lambda: links and links[0].reports())
            links[0].transport.pause_reading()
            devices.devices[0].pause_writing()  # as the socket's buffers are full
            assert await devices.until(lambda: devices.counters.held == 0, 1)
            sent = devices.counters.reports
            await until(lambda: devices.counters.held >= 3)
            assert devices.counters.reports == sent
            devices.devices[0].resume_writing()
            await until(lambda: devices.counters.reports > sent)

    def test_only_sockets(self) -> None:
        with pytest.raises(LocalError, match="not on serial"):
            Fleet([], GT06, Transport.SERIAL, "127.0.0.1", 1)


class TestRun:
    async def test_says_how_it_went(self) -> None:
        out = io.StringIO()
        async with server(GT06) as (port, _):
            assert await run_fleet(fleet(port, gt06(3), every=0.05), seconds=0.6, out=out)
        line = out.getvalue()
        assert line.count("\n") == 1
        assert "3 of 3 connected" in line
        assert "settings changed 0 times" in line

    async def test_ends_when_nobody_gets_a_link(self) -> None:
        out = io.StringIO()
        async with asyncio.timeout(5):
            assert not await run_fleet(fleet(free_port(), gt06(30)), out=out)
        assert "0 of 30 connected" in out.getvalue()
        assert "refused" in out.getvalue()

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    async def test_ends_cleanly_when_told(self, number: signal.Signals) -> None:
        async with server(GT06) as (port, links):
            devices = fleet(port, gt06(2))
            running = asyncio.create_task(run_fleet(devices, out=io.StringIO()))
            await until(lambda: devices.counters.connected == 2)
            os.kill(os.getpid(), number)
            assert await asyncio.wait_for(running, 5)
            await until(lambda: not any(link.open for link in links))


class TestCommand:
    def test_refused(self) -> None:
        port = free_port()
        result = tg("emulate", f"127.0.0.1:{port}", "--codec", "gt06", "--count", "3")
        assert result.code == 1
        assert f"nobody got a link to 127.0.0.1:{port}" in result.err
        assert "refused" in result.err

    async def test_runs_for_some_seconds(self) -> None:
        async with server(GT06) as (port, links):
            arguments = ("emulate", f"127.0.0.1:{port}", "--model", "concox_x1", "--count", "4", "--seconds", "0.7")
            result = await in_thread(lambda: tg(*arguments, "--device-id", IMEI))
            assert result.code == 0, result.err
            assert len(links) == 4
            assert links[0].messages[0].device_id == IMEI
        assert "4 of 4 connected" in result.err.splitlines()[-1]

    def test_asleep_needs_awake(self) -> None:
        result = tg("emulate", "127.0.0.1:9", "--codec", "gt06", "--asleep", "3")
        assert result.code == 2
        assert "belong together" in result.err


async def in_thread(work: Callable[[], Any]) -> Any:
    return await asyncio.get_running_loop().run_in_executor(None, work)
