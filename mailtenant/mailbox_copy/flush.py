"""A first copy that is put on the disk once, at its end, and not after each message. Why, and what a crash of the
machine means then: docs/decisions/0046.
"""

from typing import Final

from mailtenant.accounts.mail_store import ROOT, mail_folder

SETTINGS: Final = ("mail_fsync = never",)
"""Of Dovecot, for the copy's own process."""
MARKS: Final = f"{ROOT}/.copying"
"""On the volume of the mail: a file for each mailbox of which something may not be on the disk yet, by address; it says
in which run of the machine that was (random(4): boot_id)."""
_LOST: Final = """
# FOLDER MARK COMMAND…   first goes what a copy has left that may not be whole, for the machine stopped before the disk
# had all of it
set -eu
umask 077
folder=$1 mark=$2
shift 2
read -r boot </proc/sys/kernel/random/boot_id
if [ -e "$mark" ] && ! { read -r there <"$mark" && [ "$there" = "$boot" ]; }; then
    echo "Info: a copy was cut off when the machine stopped, it begins anew" >&2
    rm -rf --one-file-system -- "$folder"
    sync -f "${mark%/*}"
    rm -f "$mark"
fi
"""
_AT_ONCE: Final = """
marked() {
    mkdir -p "${mark%/*}" && printf '%s\\n' "$boot" >"$mark.new" && mv -f "$mark.new" "$mark" &&
        sync "$mark" "${mark%/*}"
}
if ! marked; then
    echo "Error: nothing can be written on the volume of the mail: is there no space left?" >&2
    exit 75
fi
code=0
"$@" || code=$?
# Whatever became of the copy: its part is on the disk, or is not believed.
if ! sync -f "$mark"; then
    echo lost >"$mark"
    echo "Error: the disk did not take what was copied" >&2
    exit 74
fi
rm -f "$mark"
exit "$code"
"""
_EACH: Final = 'exec "$@"\n'


def keeping(address: str, *, at_once: bool) -> list[str]:
    """What stands before the command of a copy into this mailbox, in the tenant's imap container. `at_once`: the copy
    runs with `SETTINGS`; all that it wrote is on the disk when the command ends, else its exit code is 74. Only before
    people use the mailbox: what an earlier copy may have left in part is removed, to be copied anew.
    """
    script = _LOST + (_AT_ONCE if at_once else _EACH)
    return ["sh", "-c", script, "sh", f"{mail_folder(address)}/Maildir", f"{MARKS}/{address}"]
