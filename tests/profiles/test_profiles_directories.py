"""Directories of one's own: what is taken, what is refused by file and key; and that nothing is read early."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tracker_profiles import directories, models, profiles, store
from tracker_profiles.errors import CatalogError

PROFILE = """\
$schema: https://json-schema.org/draft/2020-12/schema
$id: urn:tracker-gateway:profile:mine
title: Mine
description: A profile of my own.
x-origin: own
type: object
additionalProperties: false
required: [tracking_interval]
properties:
  tracking_interval: {type: integer, minimum: 5, maximum: 600, x-unit: s, description: Time between reports.}
  mode: {type: string, enum: [a, b], default: a, description: Mode.}
if: {properties: {mode: {const: b}}, required: [mode]}
else: {required: [tracking_interval]}
examples:
  - tracking_interval: 30
"""
MODEL = """\
vendor: Me
codec: teltonika
profile: mine
models:
  mine_1: {name: One, variant: fmb}
  mine_2: {name: Two, codec: null, reason: not yet understood}
"""


@pytest.fixture(autouse=True)
def _own_catalogue_afterwards() -> Iterator[None]:
    before = store.roots()
    yield
    store.use(before)


def lay(root: Path, profile: str = PROFILE, model: str = MODEL, name: str = "mine") -> Path:
    (root / "catalog").mkdir(parents=True, exist_ok=True)
    (root / "models").mkdir(exist_ok=True)
    (root / "catalog" / f"{name}.yaml").write_text(profile, encoding="utf-8")
    (root / "models" / "me.yaml").write_text(model, encoding="utf-8")
    return root


def test_a_directory_is_added(tmp_path: Path) -> None:
    known = len(profiles.names()), len(models.codes())
    directories.add_directory(lay(tmp_path))
    directories.add_directory(tmp_path)  # again: nothing happens
    assert (len(profiles.names()), len(models.codes())) == (known[0] + 1, known[1] + 2)
    mine = profiles.get("mine")
    assert mine.origin == "own"
    assert {name: info.default for name, info in mine.fields.items() if info.default is not None} == {"mode": "a"}
    assert mine.validate({"tracking_interval": 4})[0] == ("tracking_interval", "must be at least 5 s")
    assert models.get("mine_1").settable
    assert models.get("mine_2").reason == "not yet understood"
    assert models.get("telfmb920").profile == "telfm"


def test_an_else_branch_is_told_as_unless(tmp_path: Path) -> None:
    text = PROFILE.replace("required: [tracking_interval]\nprop", "prop")
    directories.add_directory(lay(tmp_path, text))
    assert profiles.get("mine").validate({"mode": "a"}) == [("tracking_interval", "is required unless mode is b")]


@pytest.mark.parametrize(
    ("old", "new", "key", "problem"),
    [
        ("title: Mine\n", "", "title", "is missing"),
        ("x-origin: own", "x-origin: mine", "x-origin", "must be one of"),
        ("profile:mine\n", "profile:other\n", "$id", "must be urn:tracker-gateway:profile:mine"),
        ("additionalProperties: false", "additionalProperties: true", "additionalProperties", "must be"),
        ("type: object", "type: array", "type", "must be object"),
        ("draft/2020-12", "draft/2019-09", "$schema", "must be"),
        ("title: Mine", "title: Mine\nunits: s", "units", "is not a known key"),
        ("minimum: 5", "minimun: 5", "properties.tracking_interval.minimun", "is not a known key"),
        ("minimum: 5", "minimum: five", "properties.tracking_interval.minimum", "is not JSON Schema"),
        ("x-unit: s", "x-unit: seconds", "properties.tracking_interval.x-unit", "must be one of"),
        ("enum: [a, b], default: a", "maxLength: 5, default: abcdef", "properties.mode.default", "does not fit"),
        ("enum: [a, b], default: a, ", "", "properties.mode", "needs an enum, a pattern or a maxLength"),
        ("type: string, enum: [a, b], default: a", "type: array", "properties.mode", "needs items and maxItems"),
        ("type: string, enum: [a, b], default: a", "type: 'null'", "properties.mode.type", "must be one of"),
        (", description: Mode.", "", "properties.mode.description", "must be a text"),
        ("mode: {type", "Mode: {type", "properties.Mode", "lower case"),
        ("required: [tracking_interval]\nprop", "required: [interval]\nprop", "required", "names 'interval'"),
        ("{mode: {const: b}}", "{mood: {const: b}}", "if.properties", "names 'mood'"),
        ("  - tracking_interval: 30", "  - tracking_interval: 3", "examples.0", "does not fit the profile"),
        ("examples:\n  - tracking_interval: 30\n", "examples: []\n", "examples", "give at least one"),
        ("title: Mine", "title: Mine\ntitle: Yours", "", "the key 'title' stands twice"),
        ("title: Mine", "title: [", "", "is not valid YAML"),
        ("title: Mine", "title: Mine\n1: 2", "1", "a key must be a text"),
    ],
)
def test_a_bad_profile_is_refused_by_file_and_key(tmp_path: Path, old: str, new: str, key: str, problem: str) -> None:
    assert old in PROFILE
    lay(tmp_path, PROFILE.replace(old, new))
    with pytest.raises(CatalogError) as caught:
        directories.add_directory(tmp_path)
    assert caught.value.path.name == "mine.yaml"
    assert caught.value.key == key
    assert problem in caught.value.problem
    assert "mine.yaml" in str(caught.value)
    assert "mine" not in profiles.names()
    assert "mine_1" not in models.codes()


@pytest.mark.parametrize(
    ("old", "new", "key", "problem"),
    [
        ("vendor: Me", "vendor: Me\ncodek: x", "codek", "is not a known key"),
        ("variant: fmb", "variante: fmb", "models.mine_1.variante", "is not a known key"),
        ("vendor: Me\n", "", "models.mine_1.vendor", "must be a text"),
        ("name: One", "name: 1", "models.mine_1.name", "must be a text"),
        ("profile: mine", "profile: nobodys", "models.mine_1.profile", "there is no profile 'nobodys'"),
        ("codec: teltonika", "codec: [a]", "models.mine_1.codec", "must be the name of a codec family"),
        ("mine_1:", "Mine-1:", "models.Mine-1", "lower case"),
        ("mine_1:", "telfmb920:", "models.telfmb920", "the code is taken by"),
        ("mine_2:", "mine_1:", "", "the key 'mine_1' stands twice"),
        (", reason: not yet understood", "", "models.mine_2.reason", "say why"),
        ("variant: fmb", "variant: fmb, reason: none", "models.mine_1.reason", "belongs to models without"),
        ("variant: fmb", "experimental: 1", "models.mine_1.experimental", "must be true or false"),
        ("variant: fmb", "options: [a]", "models.mine_1.options", "must be a mapping"),
        ("variant: fmb", "id_type: serial", "models.mine_1.id_type", "must be imei"),
        ("mine_1: {name: One, variant: fmb}", "mine_1: One", "models.mine_1", "must be a mapping"),
        (MODEL, "vendor: Me\n", "models", "must be a mapping"),
        (MODEL, "- a\n", "", "must be a mapping"),
    ],
)
def test_a_bad_model_is_refused_by_file_and_key(tmp_path: Path, old: str, new: str, key: str, problem: str) -> None:
    assert old in MODEL
    lay(tmp_path, model=MODEL.replace(old, new))
    with pytest.raises(CatalogError) as caught:
        directories.add_directory(tmp_path)
    assert caught.value.path.name == "me.yaml"
    assert caught.value.key == key
    assert problem in caught.value.problem
    assert "mine_1" not in models.codes()


def test_a_name_that_is_taken_and_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="neither a folder catalog nor a folder models"):
        directories.add_directory(tmp_path / "nothing")
    lay(tmp_path, PROFILE.replace("profile:mine", "profile:telfm"), MODEL.replace("mine\n", "telfm\n"), "telfm")
    with pytest.raises(CatalogError, match="there is already a profile telfm"):
        directories.add_directory(tmp_path)
    assert len(profiles.get("telfm").fields) == 6


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    lay(tmp_path)
    (tmp_path / "catalog" / "mine.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CatalogError, match="cannot be read"):
        directories.add_directory(tmp_path)


def test_import_reads_nothing_and_models_do_not_read_profiles() -> None:
    script = """
import sys
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
def yaml_files():
    return [path for path in opened if path.endswith(".yaml")]
from tracker_profiles import models, profiles
assert yaml_files() == [], yaml_files()
assert len(profiles.names()) >= 139
assert yaml_files() == [], yaml_files()
models.get("telfmb920")
assert yaml_files() and not [path for path in yaml_files() if "catalog" in path], yaml_files()
profiles.get("telfm")
assert len([path for path in yaml_files() if "catalog" in path]) == 1
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": str(Path(profiles.__file__).parent.parent)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
