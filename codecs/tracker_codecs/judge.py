"""Turns what was asked, refused and read back into per-field outcomes: the same judgement for all families."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from tracker_codecs.contract import (
    FieldOutcome,
    FieldState,
    Outcome,
    Settings,
    Strength,
    Value,
)


def judge(
    settings: Settings,
    *,
    reported: Mapping[str, Value],
    unsupported: Mapping[str, str] | None = None,
    foreign: Mapping[str, str] | None = None,
    unproved: Mapping[str, str] | None = None,
    remarks: Mapping[str, str] | None = None,
    acknowledged: Collection[str] = (),
    refused: Mapping[str, str] | None = None,
    written: Collection[str] = (),
    known: Mapping[str, str] | None = None,
    unanswered: bool = False,
) -> Outcome:
    """Per-field verdicts. Precedence: unsupported, then refused by the tracker, then read-back, then acknowledgement.

    A refused field whose read-back equals the desired value counts as confirmed: the tracker is where it should be.
    `reported` must hold only values read after the write; they are compared by equality in the profile's units. What
    was read and is none of the profile's values stands in `foreign`, in words: a mismatch, no mere acknowledgement.
    `unproved` says in words why a field that was read is still not known to be in force: equal to the desired value, it
    is acknowledged at most. `remarks` are said with a confirmation, such as how long it lasts (`volatile: ...`).
    """
    refused = refused or {}
    unsupported = unsupported or {}
    unproved = unproved or {}
    fields: dict[str, FieldOutcome] = {}
    for name, desired in settings.items():
        value = reported.get(name)
        if name in unsupported:
            fields[name] = FieldOutcome(FieldState.UNSUPPORTED, desired, value, reason=unsupported[name])
        elif value is not None and value == desired and name not in unproved:
            fields[name] = FieldOutcome(
                FieldState.CONFIRMED, desired, value, Strength.READ_BACK, (remarks or {}).get(name, "")
            )
        elif name in refused:
            fields[name] = FieldOutcome(FieldState.REJECTED, desired, value, reason=refused[name])
        elif value is not None and value != desired:
            reason = f"the tracker reports {value!r} instead of {desired!r}"
            fields[name] = FieldOutcome(FieldState.MISMATCHED, desired, value, Strength.READ_BACK, reason)
        elif foreign and name in foreign:
            fields[name] = FieldOutcome(FieldState.MISMATCHED, desired, None, Strength.READ_BACK, foreign[name])
        elif name in acknowledged or value is not None:
            reason = unproved.get(name, "")
            fields[name] = FieldOutcome(FieldState.ACKNOWLEDGED, desired, value, Strength.ACKNOWLEDGED, reason)
        elif name in written:
            reason = "; ".join(filter(None, ("written; no answer that proves it", unproved.get(name))))
            fields[name] = FieldOutcome(FieldState.WRITTEN, desired, None, Strength.WRITTEN, reason)
        else:
            fields[name] = FieldOutcome(FieldState.UNKNOWN, desired, None, reason="the tracker did not answer")
    return Outcome(fields, dict(reported), dict(known or {}), unanswered, frozenset(unproved))
