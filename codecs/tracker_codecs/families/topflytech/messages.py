"""What a frame says, for people. Sources: those of `frame`."""

from __future__ import annotations

from typing import Any

from tracker_codecs.contract import Message
from tracker_codecs.errors import PeerError
from tracker_codecs.families.topflytech import frame as wire
from tracker_codecs.text import clean

_NAMES = {
    wire.LOGIN: "login",
    wire.HEARTBEAT: "heartbeat",
    **dict.fromkeys((wire.POSITION, wire.POSITION_2, wire.POSITION_3), "location"),
    **dict.fromkeys((wire.ALARM, wire.ALARM_2, wire.ALARM_3), "alarm"),
    wire.COMMAND: "command_reply",
}


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a frame of either direction. Raises PeerError for a position that is too short."""
    frame = message.frame
    kind = frame[2]
    out: dict[str, Any] = {
        "message": _NAMES.get(kind, "other"),
        "header": frame[:2].hex(),
        "type": f"0x{kind:02x}",
        "length_field": int.from_bytes(frame[3:5], "big"),
        "serial": int.from_bytes(frame[5:7], "big"),
        "imei": frame[7:15].hex()[1:],
    }
    if message.data == "server":
        if kind != wire.COMMAND:
            return out | {"message": "login_reply" if kind == wire.LOGIN else "reply"}
        text = clean(frame[wire.HEAD + 1 :])
        return out | {"message": "command", "sub_protocol": frame[wire.HEAD], "text": text}
    if kind == wire.COMMAND:
        sub = frame[wire.HEAD] if len(frame) > wire.HEAD else None
        return out | {"sub_protocol": sub, "text": message.text, **_answer(message.text)}
    if kind in wire.SETTLED:
        told = wire.settings_of(frame)
        if told:
            names = ("acc_on_interval_s", "acc_off_interval_s", "angle_deg", "distance_m")
            out["settings"] = {**dict(zip(names, told, strict=True)), "heartbeat_min": frame[wire.HEAD + 12]}
            out["gsm_signal"] = frame[wire.HEAD + 8] & 0x7F
        elif frame[0] != 0x27:
            raise PeerError("a position that is too short", discarded=frame[:64])
        at, when = wire.alarm_at(frame), wire.time_of(frame)
        if at is not None:
            out["alarm_code"] = frame[at]
        if when is not None:
            out["time"] = when.isoformat()
    return out


def _answer(text: str) -> dict[str, str]:
    upper = text.upper()
    _, found, rest = upper.partition("SET ")
    if not found:
        return {"status": "unknown"}
    status = "delayed" if " DELAY," in rest else "ok" if " OK" in rest else "refused"
    return {"status": status, "command": rest.split(" ", 1)[0].rstrip("#")}
