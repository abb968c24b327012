"""Values as people read them: in one line, short, and without a trace of a secret."""

import json
import re
from typing import Any, Final

LONGEST: Final = 300
_DIGEST: Final = re.compile(r"\[secret [0-9a-f]{12}\]")
_FINGERPRINT: Final = re.compile(r"(-secrets-)[0-9a-f]{12}\b")


def blind(text: str) -> str:
    """No digest of a secret is shown, nor the part of a volume's name that follows one."""
    return _FINGERPRINT.sub(r"\1[secret]", _DIGEST.sub("[secret]", text))


def short(value: Any) -> str:
    """A value in one line of JSON; what is longer than `LONGEST` characters is cut."""
    text = blind(json.dumps(_whole(value), ensure_ascii=False, sort_keys=True))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 2]} …"


def shown_change(key: str, old: Any, new: Any) -> tuple[str, str]:
    """Old and new value; of lists and tables only what differs, of uploaded files only the paths."""
    if isinstance(old, list) and isinstance(new, list):
        gone, made = [one for one in old if one not in new], [one for one in new if one not in old]
        if gone or made:
            old, new = gone, made
    elif isinstance(old, dict) and isinstance(new, dict):
        keys = [name for name in {**old, **new} if old.get(name) != new.get(name)]
        old, new = ({name: side[name] for name in keys if name in side} for side in (old, new))
    if key == "uploads":
        old, new = _paths(old), _paths(new)
    return short(old), short(new)


def _paths(value: Any) -> Any:
    return [one.get("file", "") for one in value or () if isinstance(one, dict)]


def _whole(value: Any) -> Any:
    """As a person would write it: numbers come as 256.0 from the engine's protocol."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_whole(one) for one in value]
    if isinstance(value, dict):  # names with __ are the SDK's own marks
        return {key: _whole(one) for key, one in value.items() if not str(key).startswith("__")}
    return value
