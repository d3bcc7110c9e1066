"""A family is a declaration: complete, guarded by the contract, and never a class of its own. Over all families."""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from attrs import evolve
from attrs.exceptions import FrozenInstanceError
from tracker_codecs import defaults, families, registry
from tracker_codecs.answers import accepted
from tracker_codecs.contract import (
    Capability,
    Command,
    Dialogue,
    FieldState,
    Ids,
    Outcome,
    Problem,
    Purpose,
    Settings,
    Severity,
    Strength,
    Target,
    Transport,
)
from tracker_codecs.course import Course
from tracker_codecs.drive import against_emulator, against_nobody
from tracker_codecs.envelope import Envelope
from tracker_codecs.errors import LocalError
from tracker_codecs.family import Family
from tracker_profiles import models

from tests.families.test_invariants import device_id, settable, target, wanted

FAMILIES = registry.all_families()
HERE = Path(next(iter(families.__path__)))
SOURCES = sorted(path for path in HERE.rglob("*.py") if path.name != "__init__.py")
every = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
#: What a caller of a family calls.
CONTRACT = {name for name, each in vars(Family).items() if callable(each) and not name.startswith("_")}


def carries(family: Family) -> bool:
    return any(each.best for fields in family.variants.values() for each in fields.values())


def an_id(family: Family) -> str:
    return next(device_id(each) for each in models.all_models().values() if each.codec == family.name)


# -- the declaration --
@every
def test_a_declaration_is_complete_and_frozen(family: Family) -> None:
    assert type(family) is Family
    assert family.name
    assert family.title
    assert family.sources
    assert all(family.sources)
    assert family.limits.max_frame > 0
    assert (family.serial is not None) == (Transport.SERIAL in family.transports)
    assert bool(family.unsupported)
    own_words = family.acknowledgement_proves != Family.__attrs_attrs__.acknowledgement_proves.default  # type: ignore[attr-defined]
    if carries(family):
        assert family._apply is not None
        assert own_words, "what an acknowledgement proves is not written down"
        assert family._raw is not defaults.BYTES_ONLY, "settings can be framed, but no command of an operator"
    else:
        assert all(not fields for fields in family.variants.values()) or family._apply is None
    if any(each.best == Strength.READ_BACK for fields in family.variants.values() for each in fields.values()):
        assert family._read is not defaults.read_nothing
    with pytest.raises(FrozenInstanceError):
        family.name = "another"  # type: ignore[misc]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(HERE)))
def test_no_family_module_defines_the_contract_by_itself(path: Path) -> None:
    """No subclass of Family, no class that looks like one; a data sheet has no code in it."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            bases = {ast.unparse(base).split(".")[-1] for base in node.bases}
            assert not any(base.endswith("Family") for base in bases), node.name
            methods = {each.name for each in node.body if isinstance(each, ast.FunctionDef)} & CONTRACT
            assert len(methods) < 3, f"{node.name} defines {methods}"
    if path.name == "family.py":
        code = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda)]
        assert code == [], "a data sheet names functions, it defines none"


def test_every_family_is_found_by_its_name() -> None:
    # Other tests of the same process may have registered families of their own.
    assert {family.name for family in FAMILIES} <= set(registry.names())
    assert all(registry.get(family.name) is family for family in FAMILIES)
    assert len({id(family) for family in FAMILIES}) == len(FAMILIES)


# -- the guards, over all families --
@every
def test_a_wrong_transport_is_refused(family: Family) -> None:
    variant = next(iter(family.variants))
    for missing in set(Transport) - family.transports:
        for call in (family.stream, lambda at: family.emulator(an_id(family), variant, transport=at)):
            with pytest.raises(LocalError) as told:
                call(missing)
            assert told.value.parameter == "transport"
    for used in family.transports:
        assert family.stream(used).buffered == 0


@every
def test_an_unknown_variant_is_refused(family: Family) -> None:
    at = Target(an_id(family), variant="no-such-variant", transport=family.usual_transport)
    calls: dict[str, Any] = {
        "capabilities": lambda: family.capabilities(at),
        "check": lambda: family.check(at, {"tracking_interval": 60}),
        "apply": lambda: family.apply(at, {"tracking_interval": 60}),
        "read": lambda: family.read(at, ["tracking_interval"]),
        "raw": lambda: family.raw(at, b"x"),
        "emulator": lambda: family.emulator(at.device_id, at.variant),
    }
    for name, call in calls.items():
        with pytest.raises(LocalError) as told:
            call()
        assert told.value.parameter == "variant", name


@every
def test_an_id_that_no_frame_can_name_is_refused(family: Family) -> None:
    link = family.usual_transport
    for wrong in ("\u0663" * 12, "a\r\nb", "1" * 500):
        for variant in family.variants:
            options = {**family.needed_options}
            at = Target(wrong, variant=variant, transport=link, options=options, experimental=True)
            with pytest.raises(LocalError) as told:
                family.emulator(wrong, variant, transport=link)
            assert told.value.parameter == "device_id"
            with pytest.raises(LocalError):
                family.raw(at, "AT")
            if any(each.best for each in family.capabilities(at).values()):
                with pytest.raises(LocalError):
                    family.read(at, list(family.variants[variant]))


@every
def test_an_empty_command_is_refused(family: Family) -> None:
    options = dict(family.needed_options)
    at = Target(an_id(family), variant=next(iter(family.variants)), transport=family.usual_transport, options=options)
    for nothing in (b"", "", "  \r\n"):
        with pytest.raises(LocalError) as told:
            family.raw(at, nothing)
        assert told.value.parameter == "command"


@pytest.mark.parametrize("model", settable(), ids=lambda model: model.code)
def test_what_is_refused_raises_and_what_is_not_carried_is_told(model: models.Model) -> None:
    """`apply` raises for what `check` refuses; of the rest every field is told, in the order asked."""
    family = registry.get(str(model.codec))
    at = target(model)
    asked = {"no_such_field": 1, **wanted(model)}
    problems = {problem.field: problem for problem in family.check(at, asked)}
    assert problems["no_such_field"].severity is Severity.UNSUPPORTED
    refused = [name for name, problem in problems.items() if problem.severity is Severity.REFUSE]
    if refused:
        with pytest.raises(LocalError):
            family.apply(at, asked)
        asked = {name: value for name, value in asked.items() if name not in refused}
    _, outcome = against_nobody(family.apply(at, asked))
    assert list(outcome.fields) == list(asked)
    assert outcome.fields["no_such_field"].state is FieldState.UNSUPPORTED
    assert outcome.fields["no_such_field"].reason == problems["no_such_field"].reason
    without = Target(at.device_id, at.model, at.variant, at.transport, options=at.options, serial=32)
    for name, able in family.capabilities(without).items():
        if able.experimental and name in asked:
            (told,) = [each for each in family.check(without, {name: asked[name]}) if each.field == name]
            assert (told.severity, "experimental switch" in told.reason) == (
                Severity.UNSUPPORTED,
                able.best is not None,
            )


# -- the guards, one by one --
def _apply(at: Target, carried: Settings) -> Dialogue:
    course = Course(carried)
    seen = {"seen": ",".join(carried)}
    yield from course.change(Command(b"set", "set", Purpose.WRITE, "ok", accepted, tuple(carried), known=seen))
    return course.judged()


def _check(at: Target, carried: Settings) -> list[Problem]:
    assert carried
    assert set(carried) <= {"a", "b", "trial"}
    return [Problem(name, Severity.REFUSE, "too much") for name, value in carried.items() if value > 9]


SMALL = evolve(
    registry.get("carscop"),
    name="small",
    variants={
        "v": {
            "a": Capability(Strength.ACKNOWLEDGED),
            "b": Capability(Strength.ACKNOWLEDGED),
            "trial": Capability(Strength.ACKNOWLEDGED, "hearsay", experimental=True),
            "never": Capability(None, "has none"),
        },
        "none": {},
    },
    sessions=frozenset({"none"}),
    unsupported=lambda at, name: f"{at.variant} has no {name}",
    ids=Ids("[ab]{2}", "two letters"),
    check=_check,
    apply=_apply,
)
AT = Target("ab", variant="v")


def test_check_asks_the_family_about_carried_fields_only() -> None:
    told = SMALL.check(AT, {"b": 99, "other": 1, "trial": 1, "a": 1, "never": 1})
    assert [(each.field, each.severity.value, each.reason) for each in told] == [
        ("b", "refuse", "too much"),
        ("other", "unsupported", "v has no other"),
        ("trial", "unsupported", "known with low confidence only (hearsay): needs the experimental switch"),
        ("never", "unsupported", "has none"),
    ]
    assert SMALL.check(AT, {"never": 1})  # and `_check` was not asked about nothing


def test_apply_carries_what_is_left_and_tells_the_rest() -> None:
    (sent,), outcome = against_nobody(SMALL.apply(AT, {"other": 1, "b": 2, "never": 3}))
    assert sent.command.known == {"seen": "b"}
    assert {name: each.state.value for name, each in outcome.fields.items()} == {
        "other": "unsupported",
        "b": "written",
        "never": "unsupported",
    }
    exchanges, outcome = against_nobody(SMALL.apply(AT, {"never": 3}))
    assert (exchanges, outcome.fields["never"].desired) == ([], 3)
    with pytest.raises(LocalError, match="too much"):
        SMALL.apply(AT, {"b": 10})
    with pytest.raises(LocalError, match="none has no a"):
        SMALL.apply(Target("ab", variant="none"), {"a": 1})
    with pytest.raises(LocalError, match="two letters"):
        SMALL.apply(Target("abc", variant="v"), {"a": 1})


def test_options_are_asked_before_anything_is_planned() -> None:
    def options(at: Target) -> None:
        if "password" not in at.options:
            raise LocalError("is needed", parameter="password")

    family = evolve(SMALL, options=options, raw=Envelope(wrap=lambda at, text: text.encode()))
    for call in (
        lambda: family.check(AT, {"a": 1}),
        lambda: family.apply(AT, {"a": 1}),
        lambda: family.read(AT, ["a"]),
        lambda: family.raw(AT, "x"),
    ):
        with pytest.raises(LocalError) as told:
            call()
        assert told.value.parameter == "password"
    assert family.raw(Target("ab", variant="v", options={"password": "1"}), "x").payload == b"x"


def test_read_asks_for_carried_fields_only() -> None:
    seen: list[list[str]] = []

    def read(at: Target, names: Any) -> Dialogue:
        seen.append(list(names))
        yield from ()
        return Outcome({})

    family = evolve(SMALL, read=read)
    against_nobody(family.read(AT, ["never", "b", "other", "a"]))
    against_nobody(family.read(AT, ["never", "other"]))
    assert seen == [["b", "a"]]


def test_secrets_are_starred_wherever_a_command_is_shown() -> None:
    raw = Envelope(wrap=lambda at, text: text.encode(), secrets=lambda at, text: (b"s3cret",))
    family = evolve(SMALL, raw=raw)
    assert family.raw(AT, "PW,s3cret,1").text == "PW,***,1"
    assert family.raw(AT, b"PW,s3cret").text == b"PW,".hex() + "***"
    assert family.raw(AT, "PW,s3cret,1").payload == b"PW,s3cret,1"


# -- what docs/add-a-family.md shows --
@pytest.fixture(name="acme", scope="module")
def _acme(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    page = Path(__file__).parents[2] / "docs" / "add-a-family.md"
    path = tmp_path_factory.mktemp("acme") / "acme_tracker.py"
    path.write_text(page.read_text("utf-8").split("```python\n")[1].split("```")[0])
    spec = importlib.util.spec_from_file_location("acme_tracker", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["acme_tracker"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_family_of_the_docs_works_as_it_stands(acme: ModuleType) -> None:
    family: Family = acme.FAMILY
    id_ = "356307042441013"
    at = Target(id_, variant="t1", serial=32)
    asked = {"tracking_interval": 30, "tracking_angle": 10}
    (problem,) = family.check(at, asked)
    assert problem.reason == "the unit has no angle"
    exchanges, outcome = against_emulator(family.apply(at, asked), family.emulator(id_, "t1"), family.stream())
    assert [each.command.payload for each in exchanges] == [b"@GET\r\n", b"@SET,30,200\r\n", b"@GET\r\n"]
    assert outcome.fields["tracking_interval"].state is FieldState.CONFIRMED
    assert outcome.fields["tracking_angle"].state is FieldState.UNSUPPORTED
    assert outcome.reported == {"tracking_interval": 30, "tracking_distance": 200}
    for name, value in (("tracking_interval", 4), ("tracking_interval", True), ("tracking_distance", 65536)):
        assert [each.severity for each in family.check(at, {name: value})] == [Severity.REFUSE]
    told = [family.stream().feed(each.data)[0] for each in family.emulator(id_, "t1").connect()]
    assert [(each.device_id, each.owed) for each in told] == [(id_, b"@HI\r\n")]  # type: ignore[union-attr]
    opening = f"#{id_},IN\r\n".encode()
    assert [family.recognise(opening[:count]) for count in (0, 5, 19, 20)] == [None, None, None, True]
    assert family.recognise(b"GET / HTTP/1.1\r\n") is False


def test_a_third_party_family_is_found_by_its_entry_point(acme: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    class Point:
        name = "acme"

        @staticmethod
        def load() -> object:
            return acme.FAMILY

    monkeypatch.setattr(registry, "_third_party", lambda: {"acme": Point, "wrong": Point})
    registry._load.cache_clear()
    try:
        assert registry.get("acme") is acme.FAMILY
        assert "acme" in registry.names()
        with pytest.raises(LocalError, match="does not offer a Family of that name"):
            registry.get("wrong")
    finally:
        registry._load.cache_clear()
