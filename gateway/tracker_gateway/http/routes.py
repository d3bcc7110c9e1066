"""The one table of calls: path, methods, parameters, right, what it does. Dispatch and OpenAPI both read it."""

from __future__ import annotations

import asyncio
from functools import cache

import orjson

from tracker_gateway.http import handlers
from tracker_gateway.http.handlers import Answer, Call
from tracker_gateway.http.openapi import describe
from tracker_gateway.http.params import Kind, Param
from tracker_gateway.http.route import Route
from tracker_gateway.store.nouns import Right

#: Seconds that a call may wait for its outcome, at most.
MAX_WAIT = 60
#: Entries of the history that one call answers, at most.
MAX_HISTORY = 200
MAX_TRACKERS = 50_000


async def openapi(call: Call) -> Answer:
    """This table as an OpenAPI document."""
    return await asyncio.to_thread(_described)


@cache
def _described() -> bytes:
    return orjson.dumps(describe(ROUTES.values()))


_TRACKER = Param("tracker_id", Kind.INTEGER, "Id of the tracker.", required=True)
_WAIT = Param(
    "wait",
    Kind.NUMBER,
    "Answer when the outcome is known, at the latest after so many seconds.",
    default=0.0,
    minimum=0,
    maximum=MAX_WAIT,
)
_SYNC = {"sync": "Revision, state, strength of the evidence, reported values and a verdict on each field."}

TRACKING = "/tracker/settings/tracking"

_TABLE: tuple[Route, ...] = (
    Route(
        f"{TRACKING}/read",
        "The tracking settings: desired if any, else reported, else the profile's defaults.",
        handlers.read,
        (_TRACKER,),
        {"value": "Tracking settings by the names and in the units of the model's tracking profile.", **_SYNC},
    ),
    Route(
        f"{TRACKING}/update",
        "Accept new tracking settings durably and bring them to the tracker at its next contact.",
        handlers.update,
        (
            _TRACKER,
            Param("tracking_settings", Kind.SETTINGS, "Settings of the model's tracking profile.", required=True),
            Param(
                "dry_run",
                Kind.FLAG,
                "Tell the bytes that would be sent and what is unsupported; store nothing.",
                default=False,
            ),
            _WAIT,
        ),
        {**_SYNC, "dry_run": "With dry_run, in place of sync: the revision, its commands and what is unsupported."},
        right=Right.CONFIGURE,
    ),
    Route(
        f"{TRACKING}/status",
        "The evidence ledger of the newest revision: what was sent, answered and read back, field by field.",
        handlers.status,
        (_TRACKER,),
        {**_SYNC, "ledger": "Bytes, values, verdicts and times."},
    ),
    Route(
        f"{TRACKING}/history",
        "Deliveries of this tracker, newest first.",
        handlers.history,
        (
            _TRACKER,
            Param("limit", Kind.INTEGER, "How many.", default=20, minimum=1, maximum=MAX_HISTORY),
            Param("before", Kind.INTEGER, "Only revisions below this one.", minimum=1),
        ),
        {"list": "Deliveries."},
    ),
    Route(
        f"{TRACKING}/cancel",
        "End the open delivery; what the tracker already took stays.",
        handlers.cancel,
        (_TRACKER,),
        _SYNC,
        right=Right.CONFIGURE,
    ),
    Route(
        f"{TRACKING}/reread",
        "Ask the tracker for its settings at its next contact.",
        handlers.reread,
        (_TRACKER, _WAIT),
        _SYNC,
        right=Right.CONFIGURE,
    ),
    Route(
        "/tracker/list",
        "All trackers of the key's owner.",
        handlers.list_trackers,
        (
            Param("offset", Kind.INTEGER, "Skip so many.", default=0, minimum=0),
            Param("limit", Kind.INTEGER, "How many.", default=MAX_TRACKERS, minimum=1, maximum=MAX_TRACKERS),
        ),
        {"list": "Trackers."},
    ),
    Route("/tracker/read", "One tracker.", handlers.read_tracker, (_TRACKER,), {"value": "The tracker."}),
    Route(
        "/tracker/list_models",
        "Every model, with the tracking profile it takes (`track_control`) and whether that can be pushed.",
        handlers.list_models,
        (),
        {"list": "Models."},
    ),
    Route(
        "/tracker/raw_command/send",
        "Send a command of one's own in the family's envelope.",
        handlers.raw_command,
        (
            _TRACKER,
            Param("command", Kind.TEXT, "The command, as text or as hexadecimal digits.", required=True),
            Param("type", Kind.TEXT, "How `command` is written.", default="text", choices=("text", "hex")),
            Param(
                "reliable",
                Kind.FLAG,
                "True: keep it until the tracker calls in and answers. False: now or never.",
                default=True,
            ),
            _WAIT,
        ),
        {"id": "Number of the command.", "state": "What became of it.", "reply": "The tracker's answer, as text."},
        right=Right.RAW_COMMAND,
    ),
    Route(
        "/gateway/events",
        "What happens to a tracker, or to all the key may see, as Server-Sent Events.",
        handlers.events,
        (Param("tracker_id", Kind.INTEGER, "Only events of this tracker."),),
        methods=("GET",),
        media_type="text/event-stream",
    ),
    Route(
        "/gateway/health",
        "Whether the gateway can do its work.",
        handlers.health,
        answer={"status": "`ok`; otherwise the call answers with code 8."},
        authenticated=False,
        methods=("GET",),
    ),
    Route(
        "/gateway/metrics",
        "Figures for Prometheus.",
        handlers.metrics,
        authenticated=False,
        methods=("GET",),
        media_type="text/plain",
    ),
    Route(
        "/gateway/openapi.json",
        "This interface as an OpenAPI 3.1 document.",
        openapi,
        authenticated=False,
        methods=("GET",),
    ),
)

ROUTES: dict[str, Route] = {route.path: route for route in _TABLE}


def find(path: str) -> Route | None:
    """The call at this request path, with or without `/v2` before it and a slash behind it."""
    path = path.removeprefix("/v2").removesuffix("/")
    return ROUTES.get(path)
