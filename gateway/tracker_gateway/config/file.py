"""The configuration: one TOML file, overridden by the environment, checked before anything starts.

`TRACKER_GATEWAY_<SECTION>__<KEY>=value` overrides a key (`TRACKER_GATEWAY_HTTP__PORT=8081`); the value is read as TOML
where it is valid TOML, else as text. Every key is explained in `gateway.example.toml`.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from tracker_codecs import registry
from tracker_codecs.contract import Transport
from tracker_codecs.errors import LocalError
from tracker_codecs.template import TemplateError

from tracker_gateway.config.links import (
    BrokerConfig,
    Host,
    LinksConfig,
    ListenerConfig,
    Port,
    Seconds,
    Section,
    SerialConfig,
    close_to,
)

#: Read where no file is named.
DEFAULT_FILE = Path("gateway.toml")
ENVIRONMENT = "TRACKER_GATEWAY_"
#: Variables of that prefix that are no keys of the configuration.
NOT_KEYS = frozenset({"CONFIG", "URL", "HASH"})

_EVERYWHERE = frozenset({"0.0.0.0", "::"})


class ConfigError(Exception):
    """The configuration cannot be used; each line of the text names the file, the key and what is wrong."""


class StoreConfig(Section):
    """Where everything is kept that must survive."""

    path: str = Field(default="tracker-gateway.db", min_length=1)


class HttpConfig(Section):
    """The HTTP interface."""

    enabled: bool = True
    host: Host = "127.0.0.1"
    port: Port = 8080
    #: Requests a second for each key and for each source address; 0: no limit.
    rate_limit: float = Field(default=50.0, ge=0)


class DeliveryConfig(Section):
    """How settings are brought to trackers. Times are seconds."""

    #: After so long an update that was not confirmed is given up, and nothing is sent for it.
    ttl: Seconds = 30 * 86400.0
    #: One attempt for each within a contact, and the pause after it; after the last the next contact starts again.
    delays: tuple[Seconds, ...] = Field(default=(15.0, 60.0, 300.0), min_length=1, max_length=20)
    #: Where there is no link whose end could be seen (UDP, MQTT): a message after so much silence is a new contact.
    idle_gap: Seconds = 60.0
    #: Models for which facts of low confidence may be used.
    experimental_models: tuple[str, ...] = ()


class RecordingConfig(Section):
    """Which links are recorded as dialogues, and how much of them is kept."""

    enabled: bool = False
    directory: Path = Path("recordings")
    #: Device ids, or "all".
    trackers: Literal["all"] | tuple[str, ...] = "all"
    max_bytes: int = Field(default=1_048_576, ge=4096, le=16 * 1024 * 1024)
    max_files: int = Field(default=100, ge=1, le=10_000)
    redact_ids: bool = False


class Level(StrEnum):
    """From which level on something is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How a log line looks."""

    CONSOLE = "console"
    JSON = "json"


class LoggingConfig(Section):
    """What is logged, to standard error."""

    level: Level = Level.INFO
    format: LogFormat = LogFormat.CONSOLE


def _default_listeners() -> tuple[ListenerConfig, ...]:
    """The families whose trackers can be set out of the box, on the ports they use by convention."""
    wanted = (
        ("teltonika", Transport.TCP, 5027),
        ("teltonika", Transport.UDP, 5027),
        ("queclink", Transport.TCP, 5004),
        ("queclink", Transport.UDP, 5004),
        ("gt06", Transport.TCP, 5023),
    )
    # Unchecked, so that commands which only want the store's path need not import the families.
    return tuple(
        ListenerConfig.model_construct(family=family, transport=link, host="0.0.0.0", port=port)
        for family, link, port in wanted
    )


class Config(Section):
    """The whole configuration. `Config()` are the embedded defaults."""

    #: Folders with further profiles (catalog/), models (models/) and families described in files (families/).
    extra_profiles: tuple[Path, ...] = ()
    store: StoreConfig = StoreConfig()
    http: HttpConfig = HttpConfig()
    listeners: tuple[ListenerConfig, ...] = Field(default_factory=_default_listeners)
    brokers: tuple[BrokerConfig, ...] = ()
    serial: tuple[SerialConfig, ...] = ()
    links: LinksConfig = LinksConfig()
    delivery: DeliveryConfig = DeliveryConfig()
    logging: LoggingConfig = LoggingConfig()
    recording: RecordingConfig = RecordingConfig()

    @field_validator("listeners")
    @classmethod
    def _distinct(cls, listeners: tuple[ListenerConfig, ...], info: ValidationInfo) -> tuple[ListenerConfig, ...]:
        http = info.data.get("http")
        taken = [("http", "tcp", http.host, http.port)] if http is not None and http.enabled else []
        for each in listeners:
            for name, transport, host, port in taken:
                if port and (transport, port) == (each.transport.value, each.port) and _overlap(host, each.host):
                    mine = ", ".join(each.families)
                    raise ValueError(f"{each.host}:{port}/{transport} of {mine} is taken by {name} already")
            taken.append((", ".join(each.families), each.transport.value, each.host, each.port))
        return listeners

    @field_validator("brokers")
    @classmethod
    def _named(cls, brokers: tuple[BrokerConfig, ...]) -> tuple[BrokerConfig, ...]:
        seen = set()
        for each in brokers:
            whose = f"client_id {each.client_id!r}" if each.client_id else f"{each.family} without a client_id"
            name = f"{each.host}:{each.port}: {whose}"
            if name in seen:  # a broker keeps one connection a client id; health and metrics tell links apart by it
                raise ValueError(f"{name} is given twice; give each a client_id of its own")
            seen.add(name)
        return brokers

    @field_validator("serial")
    @classmethod
    def _once(cls, ports: tuple[SerialConfig, ...]) -> tuple[SerialConfig, ...]:
        for name in ("port", "device_id"):
            given = [value for each in ports if (value := getattr(each, name)) is not None]
            for value in given:
                if given.count(value) > 1:
                    raise ValueError(f"{name} {value!r} is given twice")
        return ports


def _overlap(one: str, other: str) -> bool:
    """Whether a port cannot be had on both: the same address, or one of them is every address of its kind."""
    return one == other or (bool(_EVERYWHERE & {one, other}) and (":" in one) == (":" in other))


def load(
    path: Path | None = None, environment: Mapping[str, str] | None = None, *, extra_profiles: Sequence[Path] = ()
) -> Config:
    """The configuration of a file and the environment. Without a path: `gateway.toml` here, if it is there.

    `extra_profiles`: folders beside those that it names.
    Raises ConfigError for a file that cannot be read and for every key that is unknown or wrong.
    """
    environment = os.environ if environment is None else environment
    where = path
    if path is None and DEFAULT_FILE.exists():
        where = DEFAULT_FILE
    data = _read(where) if where is not None else {}
    name = str(where) if where is not None else "defaults"
    overridden = dict(_overrides(environment))
    for keys, value in overridden.items():
        _put(data, keys, value)
    named = data.get("extra_profiles", [])
    if extra_profiles and isinstance(named, list):
        named = data["extra_profiles"] = [*named, *map(str, extra_profiles)]
    _add_families(named)
    try:
        # By way of JSON: strict checking then still takes a list for a tuple and a text for a path.
        return Config.model_validate_json(json.dumps(data, default=str))
    except ValidationError as error:
        lines = [_line(name, each["loc"], each, overridden) for each in error.errors(include_url=False)]
        raise ConfigError("\n".join(dict.fromkeys(lines))) from None


def _add_families(folders: Any) -> None:
    """Families described in files of the operator's folders, so that listeners may name them. Raises ConfigError."""
    for folder in folders if isinstance(folders, list) else ():
        try:
            registry.add_templates(Path(str(folder)) / "families")
        except (TemplateError, LocalError) as error:
            raise ConfigError(str(error)) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode())
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is no UTF-8 text (byte {error.start})") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: is no valid TOML: {error}") from None


def _overrides(environment: Mapping[str, str]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Keys and values that the environment sets."""
    for variable, text in sorted(environment.items()):
        rest = variable.removeprefix(ENVIRONMENT)
        if rest == variable or rest in NOT_KEYS:
            continue
        keys = tuple(rest.lower().split("__"))
        if len(keys) == 1 and keys[0] not in Config.model_fields:
            raise ConfigError(f"{variable}: no such key; a key of a section is written {ENVIRONMENT}SECTION__KEY")
        try:
            yield keys, tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            yield keys, text


def _put(data: dict[str, Any], keys: tuple[str, ...], value: Any) -> None:
    for key in keys[:-1]:
        inner = data.setdefault(key, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"{_variable(keys)}: {key} is no section")
        data = inner
    data[keys[-1]] = value


def _variable(keys: tuple[str, ...]) -> str:
    return ENVIRONMENT + "__".join(keys).upper()


def _line(name: str, loc: tuple[str | int, ...], error: Any, overridden: Mapping[tuple[str, ...], Any]) -> str:
    """One readable line: where, which key, what is wrong."""
    path = ".".join(str(part) for part in loc) or "the file"
    keys = tuple(str(part) for part in loc)
    # The variable that set the key, something inside it, or the section around it.
    from_variable = (put for put in overridden if put[: len(keys)] == keys[: len(put)])
    origin = next(map(_variable, from_variable), f"{name}: {path}")
    if error["type"] == "extra_forbidden":
        known = _keys(loc[:-1])
        return f"{origin}: no such key{close_to(str(loc[-1]), known)}"
    if error["type"] == "model_type":
        return f"{origin}: should be a section, [{path}]"
    message = str(error["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    return f"{origin}: {message[0].lower()}{message[1:]}"


def _keys(loc: tuple[str | int, ...]) -> list[str]:
    """The keys that stand beside a wrong one."""
    model: Any = Config
    for part in loc:
        if isinstance(part, int):
            continue
        lists = {"listeners": ListenerConfig, "brokers": BrokerConfig, "serial": SerialConfig}
        model = lists.get(part) or model.model_fields[part].annotation
    return list(model.model_fields)
