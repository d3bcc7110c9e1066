"""What stands between a broker and the sessions: bounds, refusals, causes in words, the order of what is said."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.reasoncodes import ReasonCode
from tracker_gateway.config.links import BrokerConfig
from tracker_gateway.transports import mqtt_client
from tracker_gateway.transports.mqtt_client import Counts, Inbox, Out, SubscriptionRefused

from tests.gateway.broker import certificates, mosquitto


def message(payload: bytes, *, retain: bool = False) -> aiomqtt.Message:
    return aiomqtt.Message("t", payload, 0, retain, 1, None)


class TestInbox:
    def test_retained_messages_and_what_finds_no_room(self) -> None:
        counts = Counts()
        inbox = Inbox(counts, 8, 2)
        for each in (message(b"old", retain=True), message(b"123456789"), message(b"1"), message(b"2"), message(b"3")):
            inbox.put_nowait(each)
        assert (counts.retained, counts.dropped, inbox.qsize()) == (1, 2, 2)
        assert [inbox.get_nowait().payload, inbox.get_nowait().payload] == [b"1", b"2"]

    def test_bytes_are_bounded_too_and_given_back(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(mqtt_client, "MAX_WAITING", 10)
        inbox = Inbox(Counts(), 8, 100)
        for _ in range(3):
            inbox.put_nowait(message(b"12345678"))
            assert inbox.qsize() == 1
        inbox.get_nowait()
        inbox.put_nowait(message(b"12345678"))
        assert (inbox.qsize(), inbox.counts.dropped) == (1, 2)


class _Stub:
    """A client whose SUBACK says this."""

    def __init__(self, codes: Any) -> None:
        self.codes = codes

    async def subscribe(self, topic: str, qos: int) -> Any:
        return self.codes


@pytest.mark.parametrize("codes", [(128,), [ReasonCode(9, identifier=135)], [ReasonCode(9, identifier=128)]])
async def test_a_refused_subscription_is_no_connection(codes: Any) -> None:
    client: Any = _Stub(codes)
    with pytest.raises(SubscriptionRefused, match="refuses the subscription to a/b") as told:
        await mqtt_client.subscribe(client, ["a/b"], 1)
    assert mqtt_client.refused(told.value)
    assert "a/b" in mqtt_client.cause(ExceptionGroup("", [told.value]))


async def test_a_lower_quality_than_asked_for_is_accepted() -> None:
    client: Any = _Stub((0,))  # as The Things Stack grants it
    await mqtt_client.subscribe(client, ["a/b"], 1)


@pytest.mark.parametrize(
    ("topic", "good"),
    [
        ("owntracks/jane/phone/cmd", True),
        ("jané/x", True),
        ("a/+/b", False),
        ("a/#", False),
        ("", False),
        ("$SYS/x", False),
        ("a\x00b", False),
        ("a\nb", False),
        ("x" * 9000, False),
    ],
)
def test_where_something_can_be_published(topic: str, good: bool) -> None:
    assert mqtt_client.plain_topic(topic) is good


@pytest.mark.parametrize(
    ("error", "said", "refused"),
    [
        (aiomqtt.MqttError("[Errno 111] Connection refused"), "[Errno 111] Connection refused", False),
        (aiomqtt.MqttError("[Errno -2] Name or service not known"), "[Errno -2] Name or service not known", False),
        (MqttConnectError(5), "the broker refuses the user name or password", True),
        (MqttConnectError(4), "the broker refuses the user name or password", True),
        (aiomqtt.MqttCodeError(7), "[code:7] The connection was lost.", False),
        (
            aiomqtt.MqttError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired"),
            "the broker's certificate is not accepted: certificate verify failed: certificate has expired",
            False,
        ),
        (TimeoutError(), "TimeoutError", False),
    ],
)
def test_what_is_wrong_in_words(error: Exception, said: str, refused: bool) -> None:
    assert (mqtt_client.cause(error), mqtt_client.refused(error)) == (said, refused)


async def test_what_is_published_keeps_its_order_and_never_stays(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as broker, aiomqtt.Client("127.0.0.1", broker.port) as other:
        await other.subscribe("out", qos=1)
        outbox: asyncio.Queue[Out] = asyncio.Queue()
        wanted = [str(number).encode() for number in range(200)]
        for each in wanted:
            outbox.put_nowait(Out("out", each))
        async with aiomqtt.Client("127.0.0.1", broker.port) as client:
            task = asyncio.create_task(mqtt_client.publish_all(client, outbox, 1))
            heard = []
            async with asyncio.timeout(10):
                async for said in other.messages:
                    assert said.retain is False
                    heard.append(said.payload)
                    if len(heard) == len(wanted):
                        break
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert heard == wanted
        async with aiomqtt.Client("127.0.0.1", broker.port) as late:
            await late.subscribe("out")
            await asyncio.sleep(0.1)
            assert len(late.messages) == 0


async def test_a_connection_given_up_while_it_was_made_is_hung_up(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as broker, aiomqtt.Client("127.0.0.1", broker.port) as watch:
        await watch.subscribe("$SYS/broker/clients/connected")
        config = BrokerConfig(family="owntracks", host="127.0.0.1", port=broker.port)
        client = mqtt_client.make_client(config, None, lambda maxsize: Inbox(Counts(), 10, maxsize), 10)

        async def use() -> None:
            async with mqtt_client.connection(client):
                raise AssertionError("it was cancelled before")

        task = asyncio.create_task(use())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        (leaving,) = mqtt_client._leaving
        await asyncio.wait_for(leaving, 5)
        with pytest.raises(aiomqtt.MqttError):
            await client.publish("t", b"x")


async def test_a_persistent_session_is_kept_for_us_in_every_version(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as broker:
        for version in ("3.1", "3.1.1", "5"):
            config = BrokerConfig.model_validate(
                {
                    "family": "owntracks",
                    "host": "127.0.0.1",
                    "port": broker.port,
                    "version": version,
                    "clean": False,
                    "client_id": f"gw-{version}",
                }
            )
            counts = Counts()
            heard = []
            for turn in range(2):
                boxes: list[Inbox] = []

                def queue(maxsize: int, boxes: list[Inbox] = boxes, counts: Counts = counts) -> Inbox:
                    boxes.append(Inbox(counts, 100, maxsize))
                    return boxes[0]

                client = mqtt_client.make_client(config, None, queue, 100)
                async with mqtt_client.connection(client):
                    if turn == 0:
                        await mqtt_client.subscribe(client, ["a/b"], 1)
                    else:
                        async with asyncio.timeout(5):
                            heard.append((await anext(client.messages)).payload)
                if turn == 0:
                    async with aiomqtt.Client("127.0.0.1", broker.port) as other:
                        await other.publish("a/b", b"meanwhile", qos=1)
            assert heard == [b"meanwhile"], version


class TestCertificates:
    def test_ours_is_shown(self, tmp_path: Path) -> None:
        ca, certificate, key = certificates(tmp_path)
        config = BrokerConfig(family="owntracks", host="127.0.0.1", tls=True, ca=ca, certificate=certificate, key=key)
        context = mqtt_client.tls_context(config)
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)

    @pytest.mark.parametrize("missing", ["ca", "certificate"])
    def test_files_that_are_not_there_are_named(self, tmp_path: Path, missing: str) -> None:
        fields = {missing: str(tmp_path / "nothing.pem")}
        config = BrokerConfig.model_validate(
            {"family": "owntracks", "host": "127.0.0.1", "tls": True, **fields}, strict=False
        )
        with pytest.raises(OSError, match=r"certificates cannot be read .*nothing\.pem"):
            mqtt_client.tls_context(config)
