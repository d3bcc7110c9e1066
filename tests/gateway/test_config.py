"""The configuration: what is read, what overrides it, and how clearly it is refused."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from tracker_codecs.contract import Transport
from tracker_gateway.config.file import Config, ConfigError, load
from tracker_gateway.config.links import BrokerConfig, SerialConfig, Unregistered

EXAMPLE = Path(__file__).parents[2] / "gateway.example.toml"
#: Keys whose default is "not set", and what the example shows for them.
UNSET = {("links", "idle_timeout"): 1800.0}


def write(folder: Path, text: str) -> Path:
    file = folder / "g.toml"
    file.write_text(text, "utf-8")
    return file


def refusal(path: Path | None, environment: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as told:
        load(path, environment or {})
    return str(told.value)


def test_the_example_as_it_is_changes_nothing() -> None:
    assert load(EXAMPLE, {}) == Config()


def test_the_example_names_every_key_with_its_default(tmp_path: Path) -> None:
    lines = EXAMPLE.read_text("utf-8").splitlines()
    switched_on = "\n".join(re.sub(r"^#(?=\[|\w+ = )", "", line) for line in lines)
    shown = tomllib.loads(switched_on)
    (broker,) = shown.pop("brokers")
    known = BrokerConfig(family="lorawan", host="127.0.0.1").model_dump(mode="json")
    files = {"ca": "ca.pem", "certificate": "client.pem", "key": "client.key"}
    assert broker == {**known, **files, "tls": True, "password": ""}
    (port,) = shown.pop("serial")
    given = {"port": port["port"], "baudrate": 9600, "parity": "N", "stopbits": 1}
    usual = SerialConfig(family="ubx", device_id="bench-1", port=port["port"]).model_dump(mode="json")
    assert {**port, **dict.fromkeys(("vid", "pid", "usb_serial"))} == {**usual, **given}
    assert all(f"# {key} = " in EXAMPLE.read_text("utf-8") for key in ("vid", "pid", "usb_serial"))
    expected: dict[str, Any] = Config().model_dump(mode="json")
    del expected["brokers"], expected["serial"]
    for (section, key), value in UNSET.items():
        assert expected[section][key] is None
        expected[section][key] = value
    assert shown == expected
    loaded = load(write(tmp_path, switched_on), {})
    assert loaded.listeners == Config().listeners


def test_a_file_is_read_and_the_rest_keeps_its_default(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
        extra_profiles = ["own"]
        store.path = "/var/lib/g.db"
        http = {port = 9, rate_limit = 0}
        delivery.delays = [1, 2.5]
        links.unregistered = "refuse"
        [[listeners]]
        family = "gt06"
        port = 5023
        """,
    )
    config = load(path, {})
    assert (config.extra_profiles, config.store.path) == ((Path("own"),), "/var/lib/g.db")
    assert (config.http.port, config.http.rate_limit, config.http.host) == (9, 0.0, "127.0.0.1")
    assert (config.delivery.delays, config.delivery.ttl) == ((1.0, 2.5), 30 * 86400.0)
    assert config.links.unregistered is Unregistered.REFUSE
    (listener,) = config.listeners
    assert (listener.family, listener.transport, listener.host, listener.port) == (
        "gt06",
        Transport.TCP,
        "0.0.0.0",
        5023,
    )


def test_the_file_here_is_read_where_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(None, {}) == Config()
    (tmp_path / "gateway.toml").write_text("http.port = 7")
    assert load(None, {}).http.port == 7
    monkeypatch.setenv("TRACKER_GATEWAY_HTTP__PORT", "6")
    assert load().http.port == 6


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        ("htp.port = 1", "htp", "no such key; is 'http' meant?"),
        ("http.prt = 1", "http.prt", "no such key; is 'port' meant?"),
        ("store.zzz = 1", "store.zzz", "no such key; known are path"),
        ("listeners = [{family = 'gt06', prot = 1, port = 1}]", "listeners.0.prot", "is 'port' meant?"),
        (
            "[[brokers]]\nfamily = 'owntracks'\nhost = 'b'\n[[brokers]]\nfamily = 'owntracks'\nhost = 'b'",
            "brokers",
            "b:1883: owntracks without a client_id is given twice",
        ),
        (
            "[[brokers]]\nfamily = 'owntracks'\nhost = 'b'\nclient_id = 'me'\n"
            "[[brokers]]\nfamily = 'lorawan'\nhost = 'b'\nclient_id = 'me'",
            "brokers",
            "b:1883: client_id 'me' is given twice",
        ),
        ("http.port = '8080'", "http.port", "should be a valid integer"),
        ("http.port = true", "http.port", "should be a valid integer"),
        ("http.port = 65536", "http.port", "should be less than or equal to 65535"),
        ("http.port = -1", "http.port", "should be greater than or equal to 0"),
        ("http.enabled = 1", "http.enabled", "should be a valid boolean"),
        ("http.rate_limit = nan", "http.rate_limit", "should be a finite number"),
        ("http.host = ''", "http.host", "should have at least 1 character"),
        ("store = 'x.db'", "store", "should be a section, [store]"),
        ("store.path = 5", "store.path", "should be a valid string"),
        ("store.path = ''", "store.path", "should have at least 1 character"),
        ("delivery.ttl = 0", "delivery.ttl", "should be greater than 0"),
        ("delivery.ttl = inf", "delivery.ttl", "should be"),
        ("delivery.delays = []", "delivery.delays", "should have at least 1 item"),
        ("delivery.delays = [1, -1]", "delivery.delays.1", "should be greater than 0"),
        ("logging.level = 'loud'", "logging.level", "should be 'debug', 'info', 'warning' or 'error'"),
        ("links.unregistered = 'x'", "links.unregistered", "should be 'list' or 'refuse'"),
        ("listeners = [{family = 'gt06'}]", "listeners.0.port", "field required"),
        ("listeners = [{family = 'queclnk', port = 1}]", "listeners.0.family", "is 'queclink' meant?"),
        ("listeners = [{family = 'gt06', transport = 'mqtt', port = 1}]", "listeners.0.transport", "tcp or udp, not"),
        ("listeners = [{family = 'gt06', transport = 'udp', port = 1}]", "listeners.0", "gt06 does not speak udp"),
        ("serial = [{family = 'ubx', device_id = 'a'}]", "serial.0", "give port, or the USB vid"),
        ("serial = [{family = 'ubx', device_id = 'a', port = 'x', vid = 1}]", "serial.0", "give port, or the USB vid"),
        ("serial = [{family = 'ubx', device_id = 'a', port = 'x', pid = 1}]", "serial.0", "belong to vid"),
        (
            "serial = [{family = 'teltonika', device_id = 'a', port = 'x'}]",
            "serial.0",
            "does not speak on a serial",
        ),
        ("serial = [{family = 'ubx', device_id = 'a', port = 'x', parity = 'X'}]", "serial.0.parity", "should be 'N'"),
        (
            "serial = [{family = 'ubx', device_id = 'a', port = 'x'}, {family = 'ubx', device_id = 'b', port = 'x'}]",
            "serial",
            "port 'x' is given twice",
        ),
    ],
)
def test_what_is_wrong_is_told_with_file_and_key(tmp_path: Path, text: str, key: str, said: str) -> None:
    path = write(tmp_path, text)
    (line,) = refusal(path).splitlines()
    assert line.startswith(f"{path}: {key}: ")
    assert said in line


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, "x = 1\nhttp.port = 'a'\nlinks.max_links = 0")
    assert [line.split(": ")[1] for line in refusal(path).splitlines()] == ["http.port", "links.max_links", "x"]


LISTENER = "{{family = 'queclink', transport = '{}', host = '{}', port = {}}}".format


@pytest.mark.parametrize(
    ("listeners", "clash"),
    [
        ((("tcp", "0.0.0.0", 5004), ("tcp", "0.0.0.0", 5004)), "0.0.0.0:5004/tcp of queclink is taken by queclink"),
        ((("udp", "127.0.0.1", 5004), ("udp", "0.0.0.0", 5004)), "0.0.0.0:5004/udp"),
        ((("tcp", "0.0.0.0", 8080),), "0.0.0.0:8080/tcp of queclink is taken by http already"),
        ((("tcp", "0.0.0.0", 5004), ("udp", "0.0.0.0", 5004)), None),
        ((("tcp", "127.0.0.1", 5004), ("tcp", "127.0.0.2", 5004)), None),
        ((("tcp", "0.0.0.0", 5004), ("tcp", "::", 5004)), None),
        ((("tcp", "127.0.0.1", 0), ("tcp", "127.0.0.1", 0)), None),
        ((("udp", "0.0.0.0", 8080),), None),
    ],
)
def test_a_port_is_given_once(tmp_path: Path, listeners: tuple[tuple[str, str, int], ...], clash: str | None) -> None:
    path = write(tmp_path, f"listeners = [{', '.join(LISTENER(*each) for each in listeners)}]")
    if clash is None:
        assert len(load(path, {}).listeners) == len(listeners)
    else:
        assert refusal(path).startswith(f"{path}: listeners: {clash}")


def test_a_port_of_http_that_is_off_is_free(tmp_path: Path) -> None:
    path = write(tmp_path, f"http.enabled = false\nlisteners = [{LISTENER('tcp', '0.0.0.0', 8080)}]")
    assert load(path, {}).listeners[0].port == 8080


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "http.port = 1\nhttp.host = 'a'\nstore.path = 'x'")
    config = load(
        path,
        {
            "TRACKER_GATEWAY_HTTP__PORT": "2",
            "TRACKER_GATEWAY_STORE__PATH": "/var/lib/my gateway.db",
            "TRACKER_GATEWAY_DELIVERY__DELAYS": "[1, 2]",
            "TRACKER_GATEWAY_EXTRA_PROFILES": '["a", "b"]',
            "TRACKER_GATEWAY_LISTENERS": '[{family = "gt06", port = 3}]',
            "TRACKER_GATEWAY_CONFIG": "not a key",
            "TRACKER_GATEWAY_URL": "not a key",
            "TRACKER_GATEWAY_HASH": "not a key",
            "OTHER_HTTP__PORT": "3",
        },
    )
    assert (config.http.port, config.http.host, config.store.path) == (2, "a", "/var/lib/my gateway.db")
    assert (config.delivery.delays, config.extra_profiles) == ((1.0, 2.0), (Path("a"), Path("b")))
    assert [each.port for each in config.listeners] == [3]


@pytest.mark.parametrize(
    ("variable", "text", "said"),
    [
        ("HTTP__PRT", "1", "no such key; is 'port' meant?"),
        ("HTP__PORT", "1", "no such key; is 'http' meant?"),
        ("HTTP__PORT", "many", "should be a valid integer"),
        ("HTTP__PORT", "", "should be a valid integer"),
        ("HTTP", "5", "should be a section, [http]"),
        ("PORT", "5", "no such key; a key of a section is written TRACKER_GATEWAY_SECTION__KEY"),
        ("STORE__PATH__X", "5", "path is no section"),
        ("DELIVERY__TTL__X", "5", "should be a valid number"),
        ("LISTENERS", '[{family = "gt06", port = -1}]', "should be greater than or equal to 0"),
    ],
)
def test_a_wrong_variable_is_told_by_its_name(tmp_path: Path, variable: str, text: str, said: str) -> None:
    line = refusal(write(tmp_path, "store.path = 'x'"), {f"TRACKER_GATEWAY_{variable}": text})
    assert line.startswith(f"TRACKER_GATEWAY_{variable}: ")
    assert said in line


def test_files_that_cannot_be_read_are_told_with_the_place(tmp_path: Path) -> None:
    assert refusal(tmp_path / "no.toml") == f"{tmp_path}/no.toml: there is no such file"
    assert refusal(tmp_path).startswith(f"{tmp_path}: cannot be read: ")
    path = write(tmp_path, "[http]\nport = = 1\n")
    assert re.match(rf"{re.escape(str(path))}: is no valid TOML: .*line 2, column 8", refusal(path))
    path.write_bytes(b"x = '\xff'")
    assert refusal(path) == f"{path}: is no UTF-8 text (byte 5)"
