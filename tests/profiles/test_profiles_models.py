"""Models: codes, bindings and the coverage of the public document."""

import re

import pytest
from tracker_profiles import models, profiles

from tests.profiles.profile_facts import FACTS

MODELS = models.all_models()


def squeeze(text: str) -> str:
    return re.sub(r"[^a-zа-я0-9+]", "", text.lower())


def test_codes_are_stable_lower_case_words() -> None:
    assert [code for code in models.codes() if code in MODELS] == sorted(MODELS)
    for code, model in MODELS.items():
        assert re.fullmatch(r"[a-z0-9_]+", code)
        assert model.code == code
        assert models.get(code) == model


@pytest.mark.parametrize("code", MODELS)
def test_model_is_bound_or_says_why_not(code: str) -> None:
    model = MODELS[code]
    assert model.vendor
    assert model.name
    assert model.profile is None or model.profile in profiles.names()
    assert model.track_control == (model.profile or "none")
    assert model.settable == (model.profile is not None and model.codec is not None and not model.session_only)
    assert bool(model.reason) == (not model.settable)
    assert model.id_type


def test_every_model_of_the_public_document_is_there() -> None:
    named = [
        (name, profile, code) for profile, facts in FACTS.items() for name, code in facts.get("models", {}).items()
    ]
    assert len({name for name, _, _ in named}) == 303
    assert len({code for _, _, code in named}) == len(named) == 319
    for name, profile, code in named:
        assert MODELS[code].profile == profile, name
        # The last word of the public name, or the name in Cyrillic, differs from no spelling of ours.
        if name.isascii() and not name.startswith(("Tramigo models", "asset")):
            ours = squeeze(MODELS[code].vendor + MODELS[code].name)
            assert squeeze(name) in ours or squeeze(name).endswith(squeeze(MODELS[code].name)), (name, code)


@pytest.mark.parametrize(
    ("code", "profile", "codec", "variant"),
    [
        ("telfmb920", "telfm", "teltonika", "fmb"),
        ("telfmc130", "telfm", "teltonika", "fmb"),
        ("telfm1100", "telfm", "teltonika", "old_fm"),
        ("telfmb630", "telfm5x", "teltonika", "fm6"),
        ("telfmb640", "telfm5x", "teltonika", "fmx640"),
        ("gl300", "gl200", "queclink", "gl200"),
        ("gv55lite", "gv55lite", "queclink", "gv55lite"),
        ("concox_x3", "concox_distance_interval", "gt06", "concox_distance_interval"),
        ("concox_gt710", "concox_gt700", "gt06", "concox_gt700"),
    ],
)
def test_well_known_models(code: str, profile: str, codec: str, variant: str) -> None:
    model = models.get(code)
    assert (model.profile, model.codec, model.variant) == (profile, codec, variant)


def test_codes_of_the_public_api_keep_their_spelling() -> None:
    assert models.get("telfmb920").name == "FMB920"
    assert models.get("atrack_ak11").track_control == "atrack"
    assert models.get("jointech_jt703b").track_control == "jointech_jt703"


def test_low_confidence_is_marked() -> None:
    assert all(models.get(code).experimental for code in ("gt300", "concox_jv200", "concox_qbit"))
    assert not models.get("telfmb920").experimental


def test_models_without_a_way_to_push() -> None:
    gt02 = models.get("concox_gt02")
    assert (gt02.codec, gt02.session_only, gt02.settable) == ("gt06", True, False)
    assert "68 68" in gt02.reason
    assert models.get("teltat100").track_control == "none"


def test_unknown_code_names_its_neighbours() -> None:
    with pytest.raises(models.UnknownName, match="telfmb920") as caught:
        models.get("telfmb92O")
    assert caught.value.close
    assert isinstance(caught.value, LookupError)


def test_a_model_cannot_be_changed() -> None:
    model = models.get("gl200")
    with pytest.raises(AttributeError):
        model.codec = "x"  # type: ignore[misc]  # the point of the test
    with pytest.raises(TypeError):
        model.options["password"] = "x"  # type: ignore[index]  # the point of the test
