"""Jinja filters: one a file format, so that no outside value can break out of its place.

Each filter quotes a value for exactly one syntax, or refuses it with `UnsafeValue`. Rule of thumb for what is refused
rather than escaped: whatever the format has no reliable escape for.
"""

import json
import re
from collections.abc import Callable
from typing import Final

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


class UnsafeValue(ValueError):
    """A value that the target file cannot hold safely. Says which format and why, never the value."""

    def __init__(self, syntax: str, why: str) -> None:
        super().__init__(f"a value cannot be written to a {syntax} file: {why}")


def _plain(value: object, syntax: str, *, forbid: str = "") -> str:
    text = str(value)
    if _CONTROL.search(text):
        raise UnsafeValue(syntax, "it holds a line break or control character; remove it")
    for piece in forbid.split():
        if piece in text:
            raise UnsafeValue(syntax, f"it holds `{piece}`; remove it")
    return text


def postfix(value: object) -> str:
    """A main.cf or master.cf value: `$` starts an expansion there and is doubled (postconf(5))."""
    text = _plain(value, "Postfix", forbid="{ }")
    if text != text.strip() or text.startswith("#"):
        raise UnsafeValue("Postfix", "it begins or ends with a space, or begins with `#`")
    return text.replace("$", "$$")


def postfix_word(value: object) -> str:
    """A main.cf value that must stay one word: an address, a host name, a number."""
    text = postfix(value)
    if re.search(r"[\s,]", text):
        raise UnsafeValue("Postfix", "it holds a space or comma where one word is wanted")
    return text


def dovecot(value: object) -> str:
    """A quoted Dovecot 2.4 string. `%` starts a variable and is doubled; `$` (`$SET:`, `$ENV:`) has no escape."""
    text = _plain(value, "Dovecot", forbid="$")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"'


def ucl(value: object) -> str:
    """A quoted UCL string. `$` expands variables and `{=`, `{%` start rspamd's own template pass; all are refused."""
    return json.dumps(_plain(value, "rspamd (UCL)", forbid="$ {= {% {#"), ensure_ascii=False)


def lua(value: object) -> str:
    """A quoted Lua 5.1 string: every octet that is not plainly safe becomes a decimal escape."""
    safe = re.compile(rb"[A-Za-z0-9 @._+=,:/<>()-]")
    octets = _plain(value, "Lua").encode()
    return '"' + "".join(chr(o) if safe.match(bytes([o])) else f"\\{o:03d}" for o in octets) + '"'


def pgconf(value: object) -> str:
    """A single-quoted postgresql.conf string."""
    return "'" + _plain(value, "PostgreSQL").replace("\\", "\\\\").replace("'", "''") + "'"


def unbound(value: object) -> str:
    """A quoted unbound or nsd string; those formats have no escape for the quote itself."""
    return '"' + _plain(value, "unbound", forbid='" \\') + '"'


def nginx(value: object) -> str:
    """A quoted nginx string; line breaks become escapes.

    `$` starts a variable and has no escape: only `$login_name`, which the configuration sets itself, may stand.
    """
    text = str(value)
    _plain(text.replace("\r", "").replace("\n", "").replace("$login_name", ""), "nginx", forbid="$")
    for sign, escape in (("\\", "\\\\"), ('"', '\\"'), ("\r", "\\r"), ("\n", "\\n")):
        text = text.replace(sign, escape)
    return f'"{text}"'


FILTERS: Final[dict[str, Callable[[object], str]]] = {
    "postfix": postfix,
    "postfix_word": postfix_word,
    "dovecot": dovecot,
    "ucl": ucl,
    "lua": lua,
    "pgconf": pgconf,
    "unbound": unbound,
    "nginx": nginx,
}
