"""What is checked before an update, command or re-read is taken: the checks in their order, each with its code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tracker_codecs.contract import Capability, FieldOutcome, FieldState, Settings, Severity, Strength, Target
from tracker_codecs.errors import LocalError
from tracker_codecs.family import Family
from tracker_profiles import profiles
from tracker_profiles.models import Model

from tracker_gateway.delivery.engine import Engine
from tracker_gateway.fleet.register import Register
from tracker_gateway.service.calls import ApiError, FieldError
from tracker_gateway.store.nouns import Tracker

_INVALID, _BLOCKED, _NOT_SUPPORTED, _CLONE = 7, 208, 214, 219


class Able(NamedTuple):
    """A tracker that can be told something, with what is needed for it."""

    model: Model
    family: Family
    target: Target
    capabilities: Mapping[str, Capability]


class Admission:
    """Blocked (208), clone (219), can be set at all (214), values (7): whoever fails first is told."""

    def __init__(self, register: Register, engine: Engine) -> None:
        self._register = register
        self._engine = engine

    def known(self, tracker: Tracker, *, change: bool = True) -> Model:
        """The model of a tracker that may be told something, or only asked. Raises ApiError 208, 219, 214."""
        if tracker.blocked:
            raise ApiError(_BLOCKED)
        if tracker.clone and change:
            raise ApiError(_CLONE)
        model = self._register.model(tracker)
        if model is None:
            raise ApiError(_NOT_SUPPORTED, f"the model {tracker.model} is not known")
        return model

    def model(self, tracker: Tracker, *, change: bool = True) -> Model:
        """The model of a tracker that has settings. Raises ApiError 208, 219, 214."""
        model = self.known(tracker, change=change)
        if not model.settable or self._register.family(tracker) is None:
            raise ApiError(_NOT_SUPPORTED, _why(model))
        return model

    def settable(self, tracker: Tracker) -> Able:
        """A tracker that settings can be brought to. Raises ApiError 208, 219, 214."""
        self.model(tracker)
        return self.speaking(tracker)

    def speaking(self, tracker: Tracker) -> Able:
        """The tracker with its codec, though it may know the session only. Raises ApiError 208, 219, 214.

        Experimental or not as the operator allows.
        """
        model = self.known(tracker)
        family = self._register.family(tracker)
        if family is None:
            raise ApiError(_NOT_SUPPORTED, _why(model))
        if model.experimental and not self._register.experimental(tracker):
            raise ApiError(
                _NOT_SUPPORTED,
                f"what is known of the model {model.code} is of low confidence: it is used when the operator switches "
                "`experimental` on, for the tracker or for the model",
            )
        target = self.target(tracker)
        try:
            return Able(model, family, target, family.capabilities(target))
        except LocalError as error:
            raise ApiError(_NOT_SUPPORTED, error.reason) from None

    def fields(self, able: Able, settings: Settings) -> dict[str, FieldOutcome]:
        """What each setting begins with. Raises ApiError 7 and, where nothing can be carried, 214."""
        if all(each.best is None for each in able.capabilities.values()):
            reasons = dict.fromkeys(each.reason for each in able.capabilities.values())
            raise ApiError(_NOT_SUPPORTED, "; ".join(reasons) or "the codec can carry none of its settings")
        wrong = profiles.get(able.model.track_control).validate(settings)
        if not wrong and not settings:
            raise ApiError(_INVALID, errors=[FieldError("tracking_settings", "holds no setting")])
        if wrong:
            raise ApiError(_INVALID, errors=[_field_error(parameter, error) for parameter, error in wrong])
        try:
            problems = able.family.check(able.target, settings)
        except LocalError as error:
            raise refused(error) from None
        errors = [_field_error(each.field, each.reason) for each in problems if each.severity is Severity.REFUSE]
        if errors:
            raise ApiError(_INVALID, errors=errors)
        unsupported = {each.field: each.reason for each in problems if each.severity is Severity.UNSUPPORTED}
        if all(name in unsupported for name in settings):
            told = "; ".join(f"{name}: {unsupported[name]}" for name in settings)
            raise ApiError(_NOT_SUPPORTED, f"none of these settings can be carried: {told}")
        return {
            name: FieldOutcome(FieldState.UNSUPPORTED, value, reason=unsupported[name])
            if name in unsupported
            else FieldOutcome(FieldState.UNKNOWN, value, None, Strength.ACCEPTED, "not sent yet")
            for name, value in settings.items()
        }

    def target(self, tracker: Tracker, serial: int = 1) -> Target:
        """The tracker as its codec sees it, on the link it has now."""
        session = self._engine.session(tracker.tracker_id)
        if session is None:
            return self._register.target(tracker, serial=serial)
        return self._register.target(
            tracker, transport=session.transport, link_options=session.link_options, heard=session.known, serial=serial
        )


def _why(model: Model) -> str:
    return model.reason or f"there is no codec {model.codec}"


def _field_error(parameter: str, error: str) -> FieldError:
    return FieldError(f"tracking_settings.{parameter}" if parameter else "tracking_settings", error)


def refused(error: LocalError) -> ApiError:
    """What a codec refuses, as the answer of the API."""
    return ApiError(_INVALID, errors=[_field_error(error.parameter, error.reason)])
