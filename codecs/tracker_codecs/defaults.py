"""What a family does where it declares nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tracker_codecs.contract import (
    Dialogue,
    Event,
    Ids,
    Message,
    Outcome,
    Problem,
    Settings,
    Target,
    Value,
    Variants,
)
from tracker_codecs.envelope import Envelope

#: The usual name of the one variant of a family that carries no field.
SESSION = "session"
SESSION_ONLY: Variants = {SESSION: {}}
ANY_ID = Ids()
#: No framing of text is public.
BYTES_ONLY = Envelope()


def never(first: bytes) -> bool | None:
    """No opening is recognised: every family on a broker, for one."""
    return False


def nothing_public(data: bytes, channel: str) -> Sequence[Event]:
    """A server says nothing that is public."""
    return ()


def no_answer(message: Message) -> bytes:
    """Nothing is said to a device that is not ours."""
    return b""


def any_options(target: Target) -> object:
    """No option can be wrong."""
    return None


def no_problems(target: Target, settings: Settings) -> list[Problem]:
    """Whatever fits the profile fits the device."""
    return []


def identify_nothing(target: Target) -> Dialogue:
    """Nothing is asked, nothing is known."""
    yield from ()
    return Outcome({})


def read_nothing(target: Target, wanted: Sequence[str]) -> Dialogue:
    """Nothing can be asked."""
    return identify_nothing(target)


def as_it_is(frame: bytes) -> bytes:
    """Nothing in it varies."""
    return frame


def renamed_text(frame: bytes, old: str, new: str) -> bytes:
    """A text frame without a checksum: the id wherever it stands."""
    return frame.replace(old.encode(), new.encode())


def no_topics(options: Mapping[str, Value]) -> Sequence[str]:
    """No broker."""
    return ()
