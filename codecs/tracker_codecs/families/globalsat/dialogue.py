"""The conversations: GSS writes the words of motion mode, GSC with L1 reads them back.

`tracking_interval` is R1 (seconds between reports while moving), `on_stop_tracking_interval` R0 (at rest), and
`tracking_distance` R3 (metres while moving); 0 switches each off. All are unsigned 32-bit numbers. Only the wanted
words are written, so that R2, the media of these reports, stays as it is. R3 needs the GPS kept on (RH = 1): the unit
is asked for RH first, and unless it says 1 a distance is not written; the option `keep_gps_on` writes RH=1 with it, at
the price of the battery. ACK says that a command came in, not that it was obeyed, and bears no number; with A0 = 0 the
unit is silent. So what L1 tells decides. The words work in motion mode; the dialogue does not enter it.
Sources: TR-206 papers, pages 20, 31 and 36; TR-203A manual, page 30.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tracker_codecs.answers import reply_of
from tracker_codecs.checks import whole_numbers
from tracker_codecs.contract import (
    Capability,
    Command,
    Dialogue,
    Match,
    Message,
    Purpose,
    Reply,
    Settings,
    Strength,
    Target,
    Value,
)
from tracker_codecs.course import Course
from tracker_codecs.envelope import spoken
from tracker_codecs.errors import LocalError
from tracker_codecs.families.globalsat import frame as wire

TIMEOUT = 30.0
#: Seconds for an ACK, which many units do not send.
ACK_TIMEOUT = 10.0
#: A frame has at most 250 bytes.
MAX_TEXT = 220
WORDS = {"on_stop_tracking_interval": "R0", "tracking_interval": "R1", "tracking_distance": "R3"}
KEPT_ON = "RH"
VARIANTS: Mapping[str, Mapping[str, Capability]] = {
    "motion": dict.fromkeys(WORDS, Capability(Strength.READ_BACK)),
    "session": {},
}
_MOST = 2**32 - 1
_NAME = re.compile(r"[\w-]{1,20}", re.ASCII)
_NUMBER = re.compile(r"\d{1,10}", re.ASCII)
_RAW = re.compile(r"(?:(GS[A-Z]),)?([!-~][ -~]*)", re.ASCII)
_ENDS = re.compile(r"\*[0-9A-Fa-f]{2}!", re.ASCII)
_ASKS = re.compile(r"(?:3,0,)?L1\(.*\)", re.ASCII)
_NO_GPS = "not written: the unit {}, and a distance works only with it; the option keep_gps_on writes it"
_GPS_OFF = "the unit tells RH=0: its GPS is not kept on, so that no distance works"
_MATCH_PACKET = {"0": Match.PART, "1": Match.PART}


def keeps_gps_on(target: Target) -> bool:
    """The option `keep_gps_on` (false): write RH=1 with a distance. Raises LocalError for a value that is no truth."""
    value = target.options.get("keep_gps_on", False)
    if not isinstance(value, bool):
        raise LocalError("must be true or false", parameter="keep_gps_on")
    return value


def _name(target: Target) -> str:
    """The name of the unit in a command. Raises LocalError for one that no frame carries."""
    if not _NAME.fullmatch(target.device_id):
        raise LocalError("must be 1 to 20 letters, digits, _ or -", parameter="device_id")
    return target.device_id


check = whole_numbers(dict.fromkeys(WORDS, (0, _MOST)))


def _is_ack(message: Message) -> Match:
    return Match.DONE if message.data[0] == "ACK" else Match.NO


def _is_settings(message: Message) -> Match:
    """Settings, in one packet or several."""
    if message.data[0] != "s":
        return Match.NO
    packet, _ = wire.settings_of(message)
    return _MATCH_PACKET.get(packet, Match.DONE)


def _write(target: Target, values: Mapping[str, int], fields: Sequence[str], *, depends_on_read: bool) -> Command:
    text = f"GSS,{_name(target)},3,0," + ",".join(f"{word}={value}" for word, value in values.items())
    return Command(
        wire.seal(text),
        text,
        Purpose.WRITE,
        "ACK, where the unit sends it",
        reply_of(target, _is_ack),
        tuple(fields),
        ACK_TIMEOUT,
        depends_on_read=depends_on_read,
    )


def _ask(target: Target, words: Sequence[str], purpose: Purpose, fields: Sequence[str]) -> Command:
    """Asks for these words; the answer has them and no others."""

    def means(message: Message) -> Match:
        _, found = wire.settings_of(message)
        return _is_settings(message) if found and found.keys() <= set(words) else Match.NO

    text, match = f"GSC,{_name(target)},L1({','.join(words)})", reply_of(target, means)
    return Command(wire.seal(text), text, purpose, "GSs with these words", match, tuple(fields), TIMEOUT)


def _numbers(reply: Reply) -> dict[str, int]:
    """Word -> number of a read; a word that is no number, or is told twice and differently, is left out."""
    out: dict[str, int] = {}
    bad = set()
    for message in reply.messages if reply.ok else ():
        for word, value in wire.settings_of(message)[1].items():
            number = int(value) if _NUMBER.fullmatch(value) else -1
            if number < 0 or out.setdefault(word, number) != number:
                bad.add(word)
    return {word: number for word, number in out.items() if word not in bad}


def _values(numbers: Mapping[str, int]) -> dict[str, Value]:
    return {name: numbers[word] for name, word in WORDS.items() if word in numbers}


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`."""
    course = Course(wanted)
    fields = [name for name in WORDS if name in wanted]
    values = {WORDS[name]: int(wanted[name]) for name in fields}
    far = values.get("R3", 0) > 0
    asks = far and not keeps_gps_on(target)
    if asks:
        reply = yield from course.ask(_ask(target, [KEPT_ON], Purpose.READ, ["tracking_distance"]))
        on = _numbers(reply).get(KEPT_ON)
        if on != 1 and not reply.assumed:
            del values["R3"]
            unsaid = "did not tell whether its GPS is kept on (RH)"
            why = unsaid if on is None else f"tells RH={on}, its GPS not kept on"
            course.refused["tracking_distance"] = _NO_GPS.format(why)
    elif far:
        values[KEPT_ON] = 1
    written = [name for name in fields if WORDS[name] in values]
    reported: dict[str, Value] = {}
    if written:
        reply = yield _write(target, values, written, depends_on_read=asks)
        course.written.update(written)
        if reply.ok:  # silence says nothing: many units send no ACK
            course.acknowledged.update(written)
        words = [word for word in WORDS.values() if word in values]
        if far and "R3" in values:
            words.append(KEPT_ON)
        numbers = _numbers((yield from course.ask(_ask(target, words, Purpose.READ_BACK, written))))
        reported = _values(numbers)
        if far and numbers.get(KEPT_ON) == 0:
            course.refused["tracking_distance"] = _GPS_OFF
        if far and numbers.get(KEPT_ON) != 1:
            reported.pop("tracking_distance", None)
    return course.judged(reported)


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`."""
    course = Course()
    reply = yield from course.ask(_ask(target, ["R0", "R1", "R3"], Purpose.READ, wanted))
    found = _values(_numbers(reply))
    return course.told({name: found[name] for name in wanted if name in found})


def _spoken(target: Target, text: str) -> Command:
    """`GSS,3,0,R2=02`, `GSC,L1(ALL)` or, for short, `L1(ALL)`, to which id and check digits are added.

    Raises LocalError for a text that is no such command, is longer than 220 characters or holds the end of a frame.
    """
    found = _RAW.fullmatch(text.strip())
    if found is None or len(found[0]) > MAX_TEXT or _ENDS.search(found[0]):
        raise LocalError(
            f"a command is at most {MAX_TEXT} printable ASCII characters without the end of a frame",
            parameter="command",
        )
    line = f"{found[1] or 'GSC'},{_name(target)},{found[2]}"
    match, expects = reply_of(target), "ACK or an answer"
    if _ASKS.fullmatch(found[2]):
        match, expects = reply_of(target, _is_settings), "GSs"
    return Command(wire.seal(line), line, Purpose.RAW, expects, match, timeout=TIMEOUT)


RAW = spoken(_spoken, timeout=TIMEOUT)
