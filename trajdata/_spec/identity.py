"""What a spec is known by. Anything that a spec does not use leaves its identity as it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

__all__ = ["FORMAT", "fingerprint_of"]

FORMAT = 2
"""Goes into every fingerprint; raised when the bytes of a clip are changed on purpose."""


def fingerprint_of(spec: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of FORMAT and of what ``ClipSpec.as_json`` says: the settings that differ from
    FORMAT's defaults, and each law's name and version."""
    text = json.dumps({"format": FORMAT, "spec": spec}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()
