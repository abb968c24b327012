"""One pass of `doveadm sync -1` over one mailbox, run in the tenant's imap container.

Never `doveadm backup`, never a two-way `sync`: both can empty a mailbox that is not as they expect it (measured; see
docs/decisions/0015). One transport, dsync over TLS, for the whole migration: another one gives other GUIDs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from mailtenant.migration.sides import Direction, SideError
from mailtenant.runner import Done, Runner, checked
from mailtenant.shared_host.host import SharedHost

FOLDER: Final = "/run/mailtenant-copy"
_AGAIN: Final = 2
"""doveadm-sync(1): done without errors, but not all changes could be done; "running dsync again usually helps"."""
STALLED: Final = (15, 45, 45, 45)
"""Seconds without a word from the other side, attempt by attempt. The two ends of a dsync can come to wait for each
other for good (seen once in some two hundred passes, both in epoll_wait); doveadm's own limit of 600 s would be longer
than a freeze may last, and nobody can work meanwhile. Run again, the pass goes through; and who was only slow gets more
time."""
STILL: Final = 15
"""So many seconds later a dsync that has used no CPU time is ended from outside: before the two ends know each other
they can come to wait for each other as well, and `-T` does not count yet (measured; the other end gives up after
600 s)."""
_STALL: Final = "has stalled"
_PRIVATE: Final = 'set -eu; umask 077; mkdir -p "$1"; cat >"$1/.$2.$$"; mv -f "$1/.$2.$$" "$1/$2"'
_WITH_FILES: Final = r"""
# FOLDER COMMAND…   by stdin, perhaps only later, come a line with the length of ca.pem (0: none), this, and the
# configuration, which becomes a file without a name, the command's own stdin: Dovecot takes it from no pipe, and
# whatever ends the command, no secret is left
set -eu
umask 077
folder=$1
shift
mkdir -p "$folder"
read -r octets
if [ "$octets" -gt 0 ]; then
    # Passes over several mailboxes write the same at the same time: each beside, then renamed.
    head -c "$octets" >"$folder/.ca.$$"
    mv -f "$folder/.ca.$$" "$folder/ca.pem"
fi
file=$(mktemp "$folder/once.XXXXXX")
trap 'rm -f "$file"' EXIT
trap 'exit 143' HUP INT TERM
cat >"$file"
exec 3<"$file"
rm -f "$file"
exec "$@" <&3 3<&-
"""
CONFIG: Final = "/dev/stdin"
_WATCHED: Final = r"""
# STILL COMMAND…   a command that is ended when it has used no CPU time for so many seconds
limit=$1
shift
exec 3<&0
"$@" <&3 3<&- &
child=$!
exec 3<&-
trap 'kill -TERM "$child" 2>/dev/null' HUP INT TERM
(
    still=0 last=
    while [ "$still" -lt "$limit" ]; do
        # With nothing of ours open, so that nobody waits for it when the command has ended.
        sleep 2 </dev/null >/dev/null 2>&1
        read -r line 2>/dev/null <"/proc/$child/stat" || exit 0
        # proc_pid_stat(5), behind the name in brackets: user and system time are the 12th and 13th word.
        set -- ${line##*) }
        used=${12}+${13} still=$((still + 2))
        [ "$used" = "$last" ] || still=0
        last=$used
    done
    echo "Error: the copy has stalled: no CPU time for $limit seconds" >&2
    kill -TERM "$child"
    # Where the ends do not know each other yet, doveadm does not hear that (measured).
    sleep 5 </dev/null >/dev/null 2>&1
    kill -KILL "$child"
) &
watcher=$!
wait "$child"
code=$?
kill "$watcher" 2>/dev/null
exit "$code"
"""


@dataclass(frozen=True)
class Transport:
    """How the tenant's doveadm is told where the other side is: the location for `sync`, its configuration, and the
    certificate of the CA that this names as `ca.pem` (empty: it names another one). `config` is asked for when the
    command is on its way, so what it says may become known meanwhile."""

    location: str
    config: Callable[[], str] = field(repr=False)
    ca: str = field(default="", repr=False)

    def run(self, imap: Runner, command: Sequence[str], seconds: float, before: Sequence[str] = ()) -> Done:
        """A command there that finds the configuration at its stdin, and the CA in the container's memory (`/run` is a
        tmpfs), readable by root only. Both go with the command, since a `docker exec` of their own would cost as much
        as the look at a thousand messages. `before`: words that run the rest. Raises: HostGone, SideError, whatever
        `config` raises
        """
        ca = self.ca.encode()
        words = [*before, "sh", "-c", _WITH_FILES, "sh", FOLDER, *command]
        return imap.run(words, stdin=lambda: b"%d\n" % len(ca) + ca + self.config().encode(), seconds=seconds)


def dsync(shared: SharedHost, password: Callable[[], str], more: Sequence[str] = ()) -> Transport:
    """To the shared host's copy instance. `password`: what opened the way in, once it is open; `more`: settings."""
    settings = [f"ssl_client_ca_file = {FOLDER}/ca.pem", "ssl_client_require_valid_cert = yes", *more]
    return Transport(
        f"tcps:{shared.name}:{shared.copy_port}",
        lambda: _config([*settings, f'doveadm_password = "{password()}"']),
        shared.ca,
    )


def imapc(host: str, port: int, ssl: str, user: str, password: str, *, ca_file: str, prefix: str) -> Transport:
    """The same for one mailbox of a foreign IMAP server. `ssl`: `imaps` or `starttls`; `ca_file` empty: the authorities
    that the image trusts; `prefix`: what stands before all its folders but INBOX. Raises: SideError
    """
    settings = [
        f"imapc_host = {_value(host)}",
        f"imapc_port = {port}",
        f"imapc_ssl = {ssl}",
        f"imapc_user = {_value(user)}",
        f"imapc_password = {_value(password)}",
        f"imapc_list_prefix = {_value(prefix)}",
        f"ssl_client_ca_file = {ca_file}" if ca_file else "ssl_client_ca_dir = /etc/ssl/certs",
        "ssl_client_require_valid_cert = yes",
    ]
    return Transport("imapc:", lambda: _config(settings))


def _value(text: str) -> str:
    """As a quoted string, in which `%{` would be a variable. Raises: SideError"""
    if any(sign in text for sign in "\r\n\0"):
        raise SideError("the source's host, user or password holds a line break")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"'


def _config(settings: Sequence[str]) -> str:
    lines = [
        "dovecot_config_version = 2.4.1",
        "dovecot_storage_version = 2.4.1",
        "!include /etc/dovecot/dovecot.conf",
        # A full mailbox arrives whole: quotas count, but do not refuse, while mail is copied.
        "quota_enforce = no",
        *settings,
    ]
    return "\n".join(lines) + "\n"


def watched(seconds: int) -> list[str]:
    """What stands before a command that is ended when it has used no CPU time for so long."""
    return ["sh", "-c", _WATCHED, "sh", str(seconds)]


def write_private(imap: Runner, name: str, text: str) -> None:
    """A file in the container's memory that only root can read. Raises: SideError"""
    checked(imap, ["sh", "-c", _PRIVATE, "sh", FOLDER, name], stdin=text.encode())


def sync(
    imap: Runner,
    transport: Transport,
    direction: Direction,
    address: str,
    seconds: float,
    *,
    exclude: Sequence[str] = (),
    in_use: bool = False,
    before: Sequence[str] = (),
) -> str | None:
    """What stopped the pass, or None. Ended from within the container after `seconds`, so nothing is left running.
    Folders in `exclude` are not touched. `in_use`: the side that is copied to is; else a folder with as many changes on
    both sides (UIDNEXT, HIGHESTMODSEQ and count equal; measured) would be taken for unchanged and left out. `before`:
    words that run the command, as of `keeping`.

    Raises: HostGone
    """
    # One dsync a mailbox at a time, also with one that a killed worker left behind.
    command = ["doveadm", "-c", CONFIG, "sync", "-1", "-l", "60"]
    command += ["-R"] if direction is Direction.TO_TENANT else []
    command += ["-f"] if in_use else []
    command += [word for folder in exclude for word in ("-x", folder)]
    for stalled in STALLED:
        try:
            limits = ["timeout", "-k", "10", f"{seconds:.0f}", *watched(stalled + STILL)]
            words = [*limits, *command, "-T", str(stalled), "-u", address, transport.location]
            done = transport.run(imap, words, seconds + 60, before)
        except SideError as error:
            if type(error) is SideError:
                return str(error)
            raise
        if done.code != _AGAIN and _STALL not in done.errors:
            break
    return None if done.code == 0 else _complaint(done, seconds)


def _complaint(done: Done, seconds: float) -> str:
    """In the words of the first error: those that follow are its consequences."""
    if done.code == 124:
        return f"doveadm sync did not end within {seconds:.0f} s"
    lines = [line for line in done.errors.splitlines() if "Error:" in line or "Fatal:" in line]
    return f"doveadm sync ended with {done.code}: {(lines or [done.last_words()])[0].strip()[:400]}"
