"""decode, encode, profiles and models on the command line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.gateway import fake_family
from tests.gateway.cli_runner import Result, tg


@pytest.fixture(autouse=True)
def _family() -> None:
    fake_family.install()


def lines(result: Result) -> list[Any]:
    return [json.loads(line) for line in result.out.splitlines()]


def hexa(*texts: str) -> list[str]:
    return [text.encode().hex() for text in texts]


LOGIN = {"kind": "login", "device_id": "77", "reply_owed": b"hi\n".hex(), "fields": {"words": ["login", "77"]}}


class TestDecode:
    def test_one_object_a_frame(self) -> None:
        result = tg("decode", "--codec", "fake", *hexa("login 77\nbeat\n", "value 3 interval=60\n"))
        assert result.code == 0
        assert lines(result) == [
            {**LOGIN, "checksum": "none"},
            {
                "kind": "heartbeat",
                "device_id": "77",
                "reply_owed": None,
                "fields": {"words": ["beat"]},
                "checksum": "none",
            },
            {
                "kind": "reply",
                "device_id": "77",
                "reply_owed": None,
                "fields": {"serial": 3, "tracking_interval": 60},
                "checksum": "none",
            },
        ]

    def test_the_ways_to_write_hexadecimal(self) -> None:
        plain = b"login 77\n".hex()
        spaced = " ".join(plain[i : i + 2].upper() for i in range(0, len(plain), 2))
        prefixed = ", ".join(f"0x{pair}" for pair in spaced.split())
        for written in ([plain], [spaced], spaced.split(), [prefixed], [spaced.replace(" ", "\n")]):
            assert lines(tg("decode", "--codec", "fake", *written)) == [{**LOGIN, "checksum": "none"}]
        piped = tg("decode", "--codec", "fake", stdin=spaced.replace(" ", "\n", 3) + "\n\n")
        assert lines(piped) == [{**LOGIN, "checksum": "none"}]

    def test_bytes_that_are_no_frame(self) -> None:
        result = tg("decode", "--codec", "fake", *hexa("login 77\n", "nonsense\n", "beat\n"))
        assert result.code == 1
        assert [each.get("kind") for each in lines(result)] == ["login", None, "heartbeat"]
        assert lines(result)[1] == {"error": {"fault": "peer", "reason": "not a line of this protocol: nonsense\\n"}}
        assert result.err == ""

    def test_half_a_frame(self) -> None:
        result = tg("decode", "--codec", "fake", *hexa("login 77\nbea"))
        assert result.code == 1
        assert lines(result)[1]["error"]["reason"] == "the frame is not complete: 3 bytes left over"
        result = tg("decode", "--codec", "fake", *hexa("login 77\nbea", "report 1\n"))
        assert result.code == 1
        assert [each.get("device_id") for each in lines(result)] == ["77", None, "77"]
        assert tg("decode", "--codec", "fake", *hexa("login 77\nbea", "t\n")).code == 0

    def test_a_frame_whose_content_is_broken(self) -> None:
        result = tg("decode", "--codec", "fake", *hexa("value 3 colour=7\n"))
        assert result.code == 1
        assert lines(result)[0]["kind"] == "reply"
        assert lines(result)[0]["error"] == {"fault": "peer", "reason": "not a setting: colour=7"}

    def test_text(self) -> None:
        assert lines(tg("decode", "--codec", "fake", "--encoding", "ascii", "login 77\\n"))[0]["device_id"] == "77"
        piped = tg("decode", "--codec", "fake", "--encoding", "ascii", stdin="login 77\r\nbeat\n")
        assert [each["kind"] for each in lines(piped)] == ["login", "heartbeat"]

    def test_the_other_direction(self) -> None:
        result = tg("decode", "--codec", "fake", "--from", "server", *hexa("hi\ns", "et 4 interval=60\n"))
        assert result.code == 0
        assert [each["fields"]["words"][0] for each in lines(result)] == ["hi", "set"]
        result = tg("decode", "--codec", "fake", "--from", "server", *hexa("login 7\n", "get 1\n"))
        assert result.code == 1
        assert ["error" in each for each in lines(result)] == [True, False]

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--codec", "fake", "0g"], "DATA 1 is not hexadecimal"),
            (["--codec", "fake", "0a", "012"], "DATA 2 is an odd number"),
            (["00"], "--codec"),
            (["--codec", "fake", "--from", "nobody", "00"], "nobody"),
            (["--codec", "fake", "--transport", "serial", "00"], "does not speak serial"),
        ],
    )
    def test_wrong_use(self, arguments: list[str], words: str) -> None:
        result = tg("decode", *arguments)
        assert result.code == 2
        assert words in result.err
        assert len(result.err.splitlines()) == 1

    def test_unknown_family(self) -> None:
        result = tg("decode", "--codec", "nope", "00")
        assert (result.code, result.out) == (1, "")
        assert "no codec family 'nope'" in result.err


SETTINGS = {"tracking_interval": 60, "tracking_distance": 100}


class TestEncode:
    def test_against_the_emulator(self) -> None:
        result = tg("encode", "--model", fake_family.MODEL, "--settings", json.dumps(SETTINGS))
        assert result.code == 0
        write, read, end = lines(result)
        assert bytes.fromhex(write["hex"]) == b"set 2 interval=60 distance=100\n"
        assert write["text"] == "set 2 interval=60 distance=100"
        assert write["purpose"] == "write"
        assert write["acknowledged_by"] == "ok 2"
        assert write["reply"] == {"verdict": "answered", "hex": [b"ok 2\n".hex()], "text": ["ok 2"]}
        assert read["purpose"] == "read_back"
        assert end["outcome"]["tracking_interval"] == {
            "state": "confirmed",
            "desired": 60,
            "reported": 60,
            "strength": "read_back",
        }

    def test_against_nobody(self) -> None:
        arguments = ("--settings", json.dumps(SETTINGS), "--against", "none", "--serial", "9")
        result = tg("encode", "--model", fake_family.MODEL, *arguments)
        assert result.code == 0
        assert bytes.fromhex(lines(result)[0]["hex"]).startswith(b"set 18 ")
        assert lines(result)[0]["reply"] == {"verdict": "assumed"}

    def test_unsupported_fields_are_told(self) -> None:
        settings = json.dumps({**SETTINGS, "tracking_angle": 30})
        result = tg("encode", "--model", fake_family.ANGLE_MODEL, "--settings", "-", stdin=settings)
        assert result.code == 0
        assert lines(result)[-1]["outcome"]["tracking_angle"]["reason"] == "the protocol has no angle"

    def test_refused_settings(self) -> None:
        for settings, parameter in (
            ({**SETTINGS, "tracking_interval": 1}, "tracking_settings.tracking_interval"),
            ({**SETTINGS, "tracking_distance": 55}, "tracking_settings.tracking_distance"),
            ({**SETTINGS, "colour": 1}, "tracking_settings.colour"),
        ):
            result = tg("encode", "--model", fake_family.MODEL, "--settings", json.dumps(settings))
            assert result.code == 1
            assert [each["parameter"] for each in lines(result)[0]["errors"]] == [parameter]

    def test_raw_command(self) -> None:
        (shown,) = lines(tg("encode", "--codec", "fake", "--command", "get 5"))
        assert bytes.fromhex(shown["hex"]) == b"get 5\n"
        result = tg("encode", "--codec", "fake", "--command", "get\x00")
        assert result.code == 1
        assert result.err == "tracker-gateway: command: a command is one line of ASCII\n"

    @pytest.mark.parametrize(
        "arguments",
        [
            [],
            ["--model", fake_family.MODEL],
            ["--settings", "{}"],
            ["--model", fake_family.MODEL, "--settings", "{"],
            ["--model", fake_family.MODEL, "--settings", "[]"],
            ["--codec", "fake", "--model", fake_family.MODEL, "--command", "x"],
            ["--codec", "fake", "--variant", "x", "--command", "x"],
            ["--command", "x"],
            ["--codec", "fake", "--command", "x", "--settings", "{}"],
            ["--model", fake_family.MODEL, "--settings", "{}", "--option", "x"],
            ["--model", fake_family.MODEL, "--settings", "{}", "--transport", "mqtt"],
        ],
    )
    def test_wrong_use(self, arguments: list[str]) -> None:
        result = tg("encode", *arguments)
        assert (result.code, result.out) == (2, "")
        assert len(result.err.splitlines()) == 1

    def test_models_without_a_codec(self) -> None:
        result = tg("encode", "--model", "albatross_s6", "--settings", "{}")
        assert result.code == 1
        assert "nothing can be pushed to albatross_s6" in result.err


class TestCatalogue:
    def test_profiles(self) -> None:
        assert tg("profiles", "list").out.splitlines()[0].split() == ["NAME", "FIELDS", "MODELS", "TITLE"]
        assert len(json.loads(tg("profiles", "list", "--json").out)) >= 139
        shown = json.loads(tg("profiles", "show", "atrack", "--json").out)
        interval = next(field for field in shown["fields"] if field["field"] == "tracking_interval")
        assert (interval["minimum"], interval["maximum"], interval["unit"]) == (30, 655350, "s")
        assert json.loads(tg("profiles", "show", "atrack", "--json-schema").out)["title"] == "ATrack"
        assert "30..655350" in tg("profiles", "show", "atrack").out
        result = tg("profiles", "show", "atrak")
        assert (result.code, result.err) == (
            1,
            "tracker-gateway: there is no profile 'atrak'; did you mean atrack or meitrack?\n",
        )

    def test_models(self) -> None:
        rows = json.loads(tg("models", "list", "--codec", "fake", "--json").out)
        assert [row["code"] for row in rows] == [fake_family.ANGLE_MODEL, fake_family.MODEL]
        assert all(row["push"] for row in rows)
        shown = json.loads(tg("models", "show", fake_family.ANGLE_MODEL, "--json").out)
        assert shown["confirmation"] == "read_back"
        angle = next(field for field in shown["fields"] if field["field"] == "tracking_angle")
        assert angle["best"] == "unsupported"
        assert angle["reason"] == "the protocol has no angle"
        text = tg("models", "show", fake_family.ANGLE_MODEL).out
        assert "confirmation" in text
        assert "the protocol has no angle" in text
        assert tg("models", "list", "--vendor", "nobody").out == "no such models\n"
        without = json.loads(tg("models", "show", "albatross_s6", "--json").out)
        assert (without["push"], without["fields"]) == (False, [])
        assert without["reason"]

    def test_capabilities_are_told_for_each_transport_that_differs(self) -> None:
        """An LMU takes settings over its serial port, and none over the air."""
        shown = json.loads(tg("models", "show", "calamp_lmu_4200", "--json").out)
        assert shown["confirmation"] == "serial: acknowledged, udp: none"
        best = {(row["transport"], row["field"]): row["best"] for row in shown["fields"]}
        assert best["serial", "tracking_interval"] == "acknowledged"
        assert best["udp", "tracking_interval"] == "unsupported"
        alike = json.loads(tg("models", "show", "concox_x3", "--json").out)
        assert (alike["confirmation"], "transport" in alike["fields"][0]) == ("read_back", False)
        assert "| acknowledged (over serial only) |" in tg("models", "coverage", "--markdown").out
