"""Families without code: what a file may say, how it is checked, and that it behaves like any other family."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tracker_codecs import registry
from tracker_codecs.contract import Faults, FieldState, Kind, Message, Severity, Strength, Target
from tracker_codecs.drive import against_emulator, against_nobody
from tracker_codecs.errors import LocalError
from tracker_codecs.family import Family
from tracker_codecs.template import TemplateError, load
from tracker_codecs.template.pattern import Pattern
from tracker_codecs.template.stream import Wire
from tracker_gateway.config.file import load as load_config

from tests.gateway.cli_runner import tg
from tests.gateway.running import running, until

FIXTURES = Path(__file__).parent.parent.parent / "firmware-fixtures"
CASES = [
    (name, case)
    for name in ("tk103", "gps103")
    for case in yaml.safe_load((FIXTURES / name / "frames.yaml").read_text())["cases"]
]
ID = "123456789012345"
#: A made-up protocol with everything a file can say.
FULL: dict[str, Any] = {
    "family": "made-up",
    "title": "Made up",
    "sources": ["this test"],
    "acknowledgement_proves": "stored",
    "profile": "distance_interval",
    "frame": {"start": "$", "end": "#", "checksum": "xor8", "max_length": 128},
    "messages": [
        {"kind": "login", "text": "IN,{id}", "owed": "HI,{id}"},
        {"kind": "reply", "text": "OK,{*}"},
        {"kind": "report", "text": "POS,{*}"},
    ],
    "settings": {
        "tracking_interval": {"forms": [{"scale": 5, "minimum": 1, "maximum": 1000}]},
        "tracking_distance": {"forms": [{"format": "04X", "maximum": 65535}]},
        "sleep_mode": {"words": {"true": "ON", "false": "OFF"}},
    },
    "commands": [
        {
            "write": "SET,{tracking_interval},{tracking_distance}",
            "acknowledged": "OK,SET,{tracking_interval},{*}",
            "refused": "NO,SET{*}",
            "query": "GET",
            "answer": "OK,GET,{tracking_interval},{tracking_distance}",
        },
        {"write": "SLEEP,{sleep_mode}", "acknowledged": "OK,SLEEP,{sleep_mode}"},
    ],
    "unsupported": {"tracking_angle": "the protocol has no angle"},
}
ASKED = {"tracking_interval": 60, "tracking_distance": 300, "sleep_mode": True}


def made(tmp_path: Path, **changes: Any) -> Family:
    path = tmp_path / "made-up.yaml"
    path.write_text(yaml.safe_dump({**FULL, **changes}))
    return load(path)


def applied(family: Family, asked: dict[str, Any], **faults: Any) -> tuple[list[str], dict[str, Any]]:
    at = Target(ID, variant="standard", serial=32)
    unit = family.emulator(ID, "standard", faults=Faults(**faults))
    exchanges, outcome = against_emulator(family.apply(at, asked), unit, family.stream())
    return [exchange.command.payload.decode() for exchange in exchanges], dict(outcome.fields)


@pytest.mark.parametrize(("name", "case"), CASES, ids=[case["id"] for _, case in CASES])
def test_frames_from_outside(name: str, case: dict[str, Any]) -> None:
    family, data, means = registry.get(name), case["data"].encode(), case["means"]
    if case["direction"] == "server_to_device":
        at = Target(data.decode().strip("*(,")[:20].replace("imei:", "")[:15], variant="standard")
        (exchange,), _ = against_nobody(family.apply(at, {"tracking_interval": means["interval_s"]}))
        assert exchange.command.payload == data
        return
    (message,) = family.stream().feed(data)
    assert isinstance(message, Message)
    assert message.device_id == means["device_id"]
    assert message.owed.decode() == means.get("server_owes", "")
    assert family.recognise(data) is True


@pytest.mark.parametrize("split", [1, 511, 512, 2000])
def test_gps103_packets_of_a_photo_are_framed(split: int) -> None:
    family = registry.get("gps103")
    (photo,) = (case["data"].encode() for _, case in CASES if case["id"] == "coban-photo")
    (beat,) = (case["data"].encode() for _, case in CASES if case["id"] == "coban-hb")
    data, stream = photo * 2 + beat, family.stream()
    events = [event for at in range(0, len(data), split) for event in stream.feed(data[at : at + split])]
    assert [event.frame for event in events if isinstance(event, Message)] == [photo, photo, beat]
    assert len(events) == 3
    (message,) = family.stream().feed(photo)
    assert isinstance(message, Message)
    assert (message.kind, message.device_id, message.owed) == (Kind.REPORT, "864180034124375", b"")
    assert ",vr,0c00fa01" in family.fields(message)["text"]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(30, "30s"), (99, "99s"), (120, "02m"), (5940, "99m"), (7200, "02h"), (100, None), (3661, None)],
)
def test_gps103_tells_two_digits_of_a_unit_or_refuses(seconds: int, told: str | None) -> None:
    family = registry.get("gps103")
    at = Target(ID, variant="standard")
    problems = family.check(at, {"tracking_interval": seconds})
    if told is None:
        assert [problem.severity for problem in problems] == [Severity.REFUSE]
        with pytest.raises(LocalError, match="steps of 60"):
            against_nobody(family.apply(at, {"tracking_interval": seconds}))
    else:
        (exchange,), outcome = against_nobody(family.apply(at, {"tracking_interval": seconds}))
        assert exchange.command.payload.decode() == f"**,imei:{ID},C,{told}"
        assert outcome.fields["tracking_interval"].strength is Strength.WRITTEN


def test_a_full_template_writes_is_acknowledged_and_reads_back(tmp_path: Path) -> None:
    sent, fields = applied(made(tmp_path), ASKED)
    # The last two digits are the XOR of all characters before them, worked out apart from this code.
    assert sent == ["$SET,12,012C15#", "$SLEEP,ON46#", "$GET72#"]
    assert {name: field.state for name, field in fields.items()} == {
        "tracking_interval": FieldState.CONFIRMED,
        "tracking_distance": FieldState.CONFIRMED,
        "sleep_mode": FieldState.ACKNOWLEDGED,
    }


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        ({"clamp": {"tracking_interval": (100, 200)}}, FieldState.MISMATCHED),
        ({"ignore": frozenset({"tracking_interval"})}, FieldState.MISMATCHED),
        ({"refuse": frozenset({"tracking_interval"})}, FieldState.REJECTED),
        ({"silent": True}, FieldState.WRITTEN),
    ],
)
def test_a_device_that_does_not_obey_is_told(tmp_path: Path, faults: dict[str, Any], expected: FieldState) -> None:
    _, fields = applied(made(tmp_path), ASKED, **faults)
    assert fields["tracking_interval"].state is expected


def test_a_setting_without_its_companions_and_one_the_device_lacks(tmp_path: Path) -> None:
    family = made(tmp_path)
    at = Target(ID, variant="standard")
    told = {each.field: each.reason for each in family.check(at, {"tracking_interval": 60, "tracking_angle": 5})}
    assert told == {
        "tracking_angle": "the protocol has no angle",
        "tracking_interval": "goes out in one command with tracking_distance, which must be given too",
    }


def test_a_wrong_checksum_identifies_nobody(tmp_path: Path) -> None:
    family = made(tmp_path)
    good = Wire(family.made_of).seal_device(f"IN,{ID}")
    bad = good[:-2] + (b"0" if good[-2:-1] != b"0" else b"1") + good[-1:]
    (message,) = family.stream().feed(bad)
    assert isinstance(message, Message)
    assert (message.device_id, message.owed, message.checksum.value) == (None, b"", "bad")


def change(path: str, value: Any) -> Any:
    def apply(document: dict[str, Any]) -> None:
        *keys, last = path.split(".")
        inner: Any = document
        for key in keys:
            inner = inner[int(key) if key.isdigit() else key]
        if value is None:
            del inner[last]
        else:
            inner[last] = value

    return apply


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("commands.0.write", "SET,{tracking_interval},{colour},{tracking_distance}", "colour.*no setting"),
        ("commands.0.write", "SET,{tracking_interval}", "tracking_distance: is written by 0 commands"),
        ("commands.0.write", "SET,{tracking_interval},{tracking_distance}#RESET", "holds the end of a frame"),
        ("commands.0.write", "SET,{tracking_interval},{tracking_distance}{", "a brace that makes no place"),
        ("commands.0.answer", None, "query and answer belong together"),
        ("messages.0.text", "IN", "none tells the device id"),
        ("frame.checksum", "crc99", "no checksum 'crc99'; known are sum8"),
        ("settings.tracking_interval", {"forms": [{"format": "s"}]}, "String should match pattern"),
        ("unsupported", {"sleep_mode": "no"}, "is a setting of this file too"),
        ("sources", [], "at least 1 item"),
        ("colour", "red", "Extra inputs"),
    ],
)
def test_a_wrong_file_is_refused_in_words(tmp_path: Path, path: str, value: Any, told: str) -> None:
    document = yaml.safe_load(yaml.safe_dump(FULL))
    change(path, value)(document)
    file = tmp_path / "wrong.yaml"
    file.write_text(yaml.safe_dump(document))
    with pytest.raises(TemplateError, match=told) as error:
        load(file)
    assert str(error.value).startswith(str(file))


def test_a_text_setting_cannot_leave_its_place() -> None:
    assert Pattern("A,{name}").match("A,1#RESET") is None
    assert Pattern("A,{name}").match("A,1,2") is None


def test_the_command_line_says_what_is_missing_and_shows_the_wire(tmp_path: Path) -> None:
    made(tmp_path, commands=FULL["commands"][:1], settings={k: v for k, v in FULL["settings"].items() if k[0] == "t"})
    result = tg("family", "check", str(tmp_path / "made-up.yaml"))
    assert result.code == 0, result.err + result.out
    assert "gateway says  '$SET," in result.out
    assert "tracking_interval: confirmed" in result.out
    made(tmp_path)
    result = tg("family", "check", str(tmp_path / "made-up.yaml"))
    assert result.code == 1
    assert "stray: sleep_mode is no field of the profile distance_interval" in result.out
    (tmp_path / "made-up.yaml").write_text("family: [")
    result = tg("family", "check", str(tmp_path / "made-up.yaml"))
    assert (result.code, result.err.count("\n")) == (1, 1)


def test_ids_that_no_frame_carries_and_other_devices_answers() -> None:
    family = registry.get("tk103")
    variant = next(iter(family.variants))
    for wrong in ("\u0663" * 12, "", "12,4#", "1" * 40):
        with pytest.raises(LocalError, match="device_id"):
            against_nobody(family.apply(Target(wrong, variant=variant, experimental=True), {"tracking_interval": 60}))
    with pytest.raises(LocalError, match="nothing to send"):
        family.raw(Target("088048003342", variant=variant), b"")
    command = family.raw(Target("088048003342", variant=variant), b"x")
    assert command.match(Message(Kind.REPLY, b"", "088048003342")).value == "done"
    assert command.match(Message(Kind.REPLY, b"", "088048003343")).value == "no"


async def test_a_template_family_of_the_operator_serves_a_tracker(tmp_path: Path) -> None:
    """From the two files to a confirmed delivery, as docs/family-template.md says."""
    own = tmp_path / "own"
    (own / "families").mkdir(parents=True)
    (own / "models").mkdir()
    document = {**FULL, "family": "made-served", "profile": "distance_interval", "commands": FULL["commands"][:1]}
    document["settings"] = {k: v for k, v in FULL["settings"].items() if k != "sleep_mode"}
    (own / "families" / "served.yaml").write_text(yaml.safe_dump(document))
    (own / "models" / "mine.yaml").write_text(
        "codec: made-served\nvendor: Me\nvariant: standard\n"
        "models: {my_own_tracker: {name: Mine, profile: distance_interval}}\n"
    )
    (tmp_path / "gateway.toml").write_text(
        f'extra_profiles = ["{own}"]\n[store]\npath = "{tmp_path / "g.db"}"\n[http]\nport = 0\n'
        '[[listeners]]\nfamily = "made-served"\nhost = "127.0.0.1"\nport = 0\n'
    )
    async with running(load_config(tmp_path / "gateway.toml", {})) as gateway:
        tracker = await gateway.add(ID, "my_own_tracker")
        unit = registry.get("made-served").emulator(ID, "standard")
        device = await gateway.connect("made-served")
        device.say(unit.connect()[0].data)
        assert await device.hear(22) == b"$HI,12345678901234539#"
        settings = {"tracking_interval": 60, "tracking_distance": 300}
        await gateway.ask("update", tracker_id=tracker, tracking_settings=settings)
        for command in (b"$SET,12,012C15#", b"$GET72#"):
            assert await device.hear(len(command)) == command
            device.say(unit.receive(command)[0].data)
        await until(lambda: gateway.gateway.engine.open_lanes == 0)
        assert (await gateway.ask("read", tracker_id=tracker))["sync"]["state"] == "confirmed"


def test_a_folder_of_templates_becomes_families(tmp_path: Path) -> None:
    document = {**FULL, "family": "made-by-a-user"}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(document))
    (family,) = registry.add_templates(tmp_path)
    assert registry.get("made-by-a-user") is family
    assert registry.add_templates(tmp_path) == []


def test_the_example_of_the_docs_works_as_it_stands(tmp_path: Path) -> None:
    """In a process of its own, as a catalogue once read stays read."""
    page = Path(__file__).parents[2] / "docs" / "family-template.md"
    for folder in ("families", "models"):
        (tmp_path / "own" / folder).mkdir(parents=True)
    (tmp_path / "own" / "families" / "acme.yaml").write_text(
        page.read_text("utf-8").split("```yaml")[1].split("```")[0]
    )
    (tmp_path / "own" / "models" / "acme.yaml").write_text(
        "codec: acme-text\nvariant: standard\nvendor: ACME\nmodels: {acme_t1: {name: T1, profile: distance_interval}}\n"
    )
    (tmp_path / "gateway.toml").write_text("[[listeners]]\nfamily = 'acme-text'\nport = 5099\n")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = (sys.executable, "-m", "tracker_gateway.cli", *words, "--extra-profiles", "own")
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    shown = run("models", "show", "acme_t1", "--json")
    assert json.loads(shown.stdout)["fields"][0]["best"] == "read_back", shown.stderr
    settings = '{"tracking_interval": 60, "tracking_distance": 100}'
    encoded = run("encode", "--model", "acme_t1", "--settings", settings)
    assert b"$SET,6,0064".hex() in encoded.stdout, encoded.stderr  # units of 10 s; metres in four hexadecimal digits
    assert "acme-text" in run("check-config").stdout
    wrong = run("models", "list", "--extra-profiles", "nothing-here")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)


def test_a_file_without_settings_is_a_session(tmp_path: Path) -> None:
    document = {key: value for key, value in FULL.items() if key not in ("settings", "commands")}
    document |= {"family": "made-session", "unsupported": dict.fromkeys(("tracking_interval",), "nobody knows how")}
    (tmp_path / "session.yaml").write_text(yaml.safe_dump(document))
    family = load(tmp_path / "session.yaml")
    target = Target(ID, variant=family.made_of.variant)
    (problem,) = family.check(target, {"tracking_interval": 60})
    assert (problem.severity, problem.reason) == (Severity.UNSUPPORTED, "nobody knows how")
    with pytest.raises(LocalError, match="nobody knows how"):
        family.apply(target, {"tracking_interval": 60})
    assert against_nobody(family.read(target, ["tracking_interval"]))[0] == []
    said = [each for datum in family.emulator(ID, "standard").connect() for each in family.stream().feed(datum.data)]
    assert isinstance(said[0], Message)
    assert (said[0].device_id, bool(said[0].owed)) == (ID, True)
    result = tg("family", "check", str(tmp_path / "session.yaml"))
    assert "its models need session_only: true" in result.out


def test_a_tk103_id_of_11_digits() -> None:
    """Ids that users of a public server report as not read (issue 8, B7); the id is made up."""
    family = registry.get("tk103")
    (login,) = family.stream().feed(b"(12345678901BP00HSO)")
    assert isinstance(login, Message)
    assert (login.device_id, login.owed) == ("12345678901", b"(12345678901AP01HSO)")
    assert family.recognise(b"(12345678901BP00HSO)") is True
