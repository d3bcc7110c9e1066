"""Describes the calls as an OpenAPI 3.1 document. Tracking profiles are JSON Schema 2020-12, as OpenAPI 3.1 is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tracker_profiles import profiles

from tracker_gateway import __version__
from tracker_gateway.http.errors import ERRORS
from tracker_gateway.http.params import Kind, Param
from tracker_gateway.http.route import Route

_ERROR_REF = {"$ref": "#/components/responses/Error"}


def describe(routes: Iterable[Route]) -> dict[str, Any]:
    """The document of these routes."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tracker gateway",
            "version": __version__,
            "description": "Pushes tracking settings to GPS trackers and proves, field by field, that they took "
            "effect. Every path is also served under `/v2` and with a slash behind it.",
        },
        "paths": {route.path: _path(route) for route in routes},
        "components": {
            "securitySchemes": {
                "header": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "`NVX <hash>`",
                },
                "query": {
                    "type": "apiKey",
                    "in": "query",
                    "name": "hash",
                    "description": "Also accepted as a member of the body.",
                },
            },
            "responses": {
                "Error": {
                    "description": "The request was refused or failed.",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
                }
            },
            "schemas": {
                "Error": _error_schema(),
                "TrackingSettings": {
                    "description": "Settings of the tracking profile that the tracker's model takes.",
                    "anyOf": [{"$ref": f"#/components/schemas/profile.{name}"} for name in profiles.names()],
                },
                **{f"profile.{name}": profiles.get(name).schema for name in profiles.names()},
            },
        },
    }


def _path(route: Route) -> dict[str, Any]:
    return {method.lower(): _operation(route, method) for method in route.methods}


def _operation(route: Route, method: str) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{method.lower()}{route.path.replace('/', '_').replace('.', '_')}",
        "summary": route.summary,
        "responses": {"200": _answer(route), "default": _ERROR_REF},
        "security": [{"header": []}, {"query": []}] if route.authenticated else [],
    }
    if route.right is not None:
        operation["description"] = f"Needs the right `{route.right.value}`."
    if method == "GET" and route.params:
        operation["parameters"] = [_query_parameter(param) for param in route.params]
    elif method == "POST" and route.params:
        schema = {
            "type": "object",
            "properties": {param.name: _schema(param) for param in route.params},
            "required": [param.name for param in route.params if param.required],
        }
        required = bool(schema["required"])
        content = {kind: {"schema": schema} for kind in ("application/json", "application/x-www-form-urlencoded")}
        operation["requestBody"] = {"required": required, "content": content}
    return operation


def _query_parameter(param: Param) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": param.name,
        "in": "query",
        "required": param.required,
        "description": param.description,
    }
    if param.kind is Kind.SETTINGS:  # a nested object travels as its JSON text
        return {**described, "content": {"application/json": {"schema": _schema(param)}}}
    return {**described, "schema": _schema(param)}


def _schema(param: Param) -> dict[str, Any]:
    if param.kind is Kind.SETTINGS:
        return {"$ref": "#/components/schemas/TrackingSettings"}
    schema: dict[str, Any] = {"type": param.kind.value, "description": param.description}
    for name, value in (("minimum", param.minimum), ("maximum", param.maximum), ("default", param.default)):
        if value is not None:
            schema[name] = value
    if param.choices:
        schema["enum"] = list(param.choices)
    return schema


def _answer(route: Route) -> dict[str, Any]:
    if route.media_type != "application/json":
        return {"description": route.summary, "content": {route.media_type: {"schema": {"type": "string"}}}}
    properties: dict[str, Any] = {"success": {"const": True}}
    properties |= {name: {"description": text} for name, text in route.answer.items()}
    schema = {"type": "object", "properties": properties}
    return {"description": route.summary, "content": {"application/json": {"schema": schema}}}


def _error_schema() -> dict[str, Any]:
    codes = {
        "type": "integer",
        "enum": sorted(ERRORS),
        "description": "; ".join(f"{code}: {kind.description}" for code, kind in sorted(ERRORS.items())),
    }
    parameter_error = {
        "type": "object",
        "properties": {"parameter": {"type": "string"}, "error": {"type": "string"}},
        "required": ["parameter", "error"],
    }
    return {
        "type": "object",
        "properties": {
            "success": {"const": False},
            "status": {
                "type": "object",
                "properties": {"code": codes, "description": {"type": "string"}},
                "required": ["code", "description"],
            },
            "errors": {"type": "array", "items": parameter_error, "description": "With code 7 only."},
            "detail": {"type": "string", "description": "For people: the reason, where there is more to say."},
        },
        "required": ["success", "status"],
    }
