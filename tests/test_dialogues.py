"""Every dialogue below firmware-fixtures/ is replayed against the real session code over a real socket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tracker_codecs import registry
from tracker_gateway.recording.dialogue import DialogueError, find, load
from tracker_gateway.replay.embedded import replay

FIXTURES = Path(__file__).parent.parent / "firmware-fixtures"
FILES = find([FIXTURES])
SAMPLE = FIXTURES / "queclink" / "gl300-set-interval.yaml"


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
async def test_the_gateway_says_what_was_recorded(path: Path) -> None:
    dialogue = load(path)
    assert dialogue.family == path.parent.name
    result = await replay(dialogue)
    assert result.ok, result.problem
    assert (result.steps, result.compared > 0) == (len(dialogue.steps), True)


def test_every_in_tree_family_that_is_set_over_a_socket_has_a_dialogue() -> None:
    with_dialogue = {path.parent.name for path in FILES}
    assert {"teltonika", "queclink", "gt06", "owntracks", "lorawan"} <= with_dialogue
    assert with_dialogue <= set(registry.names())


def changed(tmp_path: Path, change: Any) -> Path:
    """The sample with something changed."""
    document = yaml.safe_load(SAMPLE.read_text())
    change(document)
    path = tmp_path / "changed.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return path


async def test_a_single_different_byte_is_found(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        step = next(each for each in document["steps"] if each.get("gateway", "").startswith("AT+GTFRI"))
        step["gateway"] = step["gateway"].replace("300", "301", 1)

    result = await replay(load(changed(tmp_path, change)))
    assert result.problem.startswith("step 13: the gateway says 41542b4754465249")


async def test_an_answer_that_does_not_come_is_told(tmp_path: Path) -> None:
    result = await replay(
        load(changed(tmp_path, lambda document: document["steps"].insert(2, {"gateway": "+SACK:11F0$"}))), patience=0.3
    )
    assert "says nothing" in result.problem


async def test_words_that_were_not_recorded_are_told(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        del document["steps"][1], document["steps"][1:], document["outcome"]

    assert "more than was recorded" in (await replay(load(changed(tmp_path, change)))).problem


async def test_another_end_of_the_update_is_told(tmp_path: Path) -> None:
    result = await replay(load(changed(tmp_path, lambda document: document["outcome"].update(state="mismatched"))))
    assert "ended as ('confirmed'" in result.problem


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda document: document.update(kind="frames"), "is no dialogue"),
        (lambda document: document.update(colour="red"), "colour: Extra inputs"),
        (lambda document: document["steps"].append({"means": "nothing"}), "a step is one of"),
        (lambda document: document["steps"].append({"do": {}}), "an action is one of"),
        (lambda document: document.update(encoding="hex"), "step 1: not hex"),
        (lambda document: document["provenance"].update(kind="hearsay"), "provenance.kind"),
        (lambda document: document.update(steps=[]), "steps: Tuple should have at least 1 item"),
    ],
)
def test_a_wrong_file_is_refused_in_words(tmp_path: Path, change: Any, told: str) -> None:
    with pytest.raises(DialogueError, match=told):
        load(changed(tmp_path, change))
