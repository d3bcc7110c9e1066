"""Who is asking: the hash in the header, the body or the query."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from tracker_gateway.http.errors import WRONG_HASH
from tracker_gateway.service.calls import ApiError, FieldError

#: A key's secret: 128 to 256 bits in hexadecimal.
_HASH = re.compile(r"[0-9a-fA-F]{32,64}", re.ASCII)

MISSING = FieldError("hash", "is required: in `Authorization: NVX <hash>`, in the body or in the query")


def hash_of_header(authorization: str | None) -> list[str]:
    """The hash of an Authorization header of scheme NVX; another scheme (a proxy's) is not for us."""
    scheme, _, rest = (authorization or "").strip().partition(" ")
    return [rest.strip()] if scheme.lower() == "nvx" else []


def well_formed(presented: Sequence[Any]) -> str:
    """The one hash that was presented, anywhere. Raises ApiError 3 for two different ones or a malformed one."""
    first = presented[0]
    if any(other != first for other in presented[1:]):
        raise ApiError(WRONG_HASH, "two different hashes were given")
    if not isinstance(first, str) or not _HASH.fullmatch(first):
        raise ApiError(WRONG_HASH, "a hash is 32 to 64 hexadecimal digits")
    return first
