"""The JSON Schema of a spec's file, made from the settings themselves."""

from __future__ import annotations

from typing import Any

from trajdata._laws.registry import LawText, find_law, law_names
from trajdata._settings import Settings
from trajdata._shapes.registry import shape_names
from trajdata._spec.model import ClipSpec

__all__ = ["spec_schema"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def spec_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of what ``ClipSpec.from_json`` and ``--spec`` take.

    Every setting may be left out, and then has its default. What a schema cannot say, such as that
    an object must fit into the frame, is checked when the spec is made.
    """
    groups = {
        name: {**_object(field.annotation), "description": field.description}
        for name, field in ClipSpec.model_fields.items()
    }
    laws = groups["motion"]["properties"]["laws"]
    users = {"pattern": "^[a-z][a-z0-9_]{0,39}$", "not": {"enum": list(law_names())}}
    laws["items"] = {
        "anyOf": [
            {"enum": list(law_names())},
            *map(_law, law_names()),
            {"type": "string", "description": "a user's law, as this process knows it", **users},
            _users_law(users),
        ]
    }
    laws["default"] = list(ClipSpec().laws)
    groups["objects"]["properties"]["shapes"]["items"] = {"enum": list(shape_names())}
    return {
        "$schema": _DIALECT,
        "title": "ClipSpec",
        "description": "The distribution that clips are drawn from.",
        "type": "object",
        "additionalProperties": False,
        "properties": groups,
    }


def _object(settings: type[Settings] | Any) -> dict[str, Any]:
    """A group's schema: its properties, none of which is required."""
    whole = settings.model_json_schema()
    properties = {
        name: {key: value for key, value in setting.items() if key != "title"}
        for name, setting in whole.get("properties", {}).items()
    }
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _law(name: str) -> dict[str, Any]:
    law = find_law(name)
    own = _object(law.settings)
    own["properties"] = {
        "law": {"const": name},
        "version": {"const": law.version},
        **own["properties"],
    }
    own["required"] = ["law"]
    return own


def _users_law(name: dict[str, Any]) -> dict[str, Any]:
    """A user's law as ``ClipSpec.as_json`` writes it."""
    own = _object(LawText)
    own["properties"] = {"law": {"type": "string", **name}, **own["properties"]}
    own["required"] = list(own["properties"])
    return own
