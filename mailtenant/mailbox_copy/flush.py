"""A first copy that is put on the disk once, at its end, and not after each message. Why, and what a crash of the
machine means then: docs/decisions/0046.
"""

from typing import Final

from mailtenant.accounts.mail_store import ROOT, mail_folder

SETTINGS: Final = ("mail_fsync = never",)
"""Of Dovecot, for the copy's own process."""
MARKS: Final = f"{ROOT}/.copying"
"""On the volume of the mail: a file, `ADDRESS:PID`, for each copy of which something may not be on the disk yet; in it
the run of the machine in which that was (random(4): boot_id)."""
_KEEP: Final = """
# FOLDER MARKS AT_ONCE COMMAND…   first goes what a copy has left that may not be whole, for the machine stopped before
# the disk had all of it; what one of this run of the machine has left is put on the disk with the rest
set -eu
umask 077
folder=$1 marks=$2 at_once=$3
shift 3
read -r boot </proc/sys/kernel/random/boot_id
for left in "$marks":*; do
    [ -e "$left" ] || continue
    if read -r there <"$left" && [ "$there" = "$boot" ]; then
        at_once=yes
        continue
    fi
    echo "Info: a copy was cut off when the machine stopped, it begins anew" >&2
    rm -rf --one-file-system -- "$folder"
    sync -f "${left%/*}"
    rm -f "$left"
done
[ "$at_once" = yes ] || exec "$@"

# Of this copy alone: one that a killed worker has left may come to its end meanwhile.
mark=$marks:$$
marked() {
    mkdir -p "${mark%/*}" && printf '%s\\n' "$boot" >"$mark" && sync "$mark" "${mark%/*}"
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
for left in "$marks":*; do
    [ -e "/proc/${left##*:}" ] || rm -f "$left"
done
exit "$code"
"""


def keeping(address: str, *, at_once: bool) -> list[str]:
    """What stands before the command of a copy into this mailbox, in the tenant's imap container. `at_once`: the copy
    runs with `SETTINGS`; all that it wrote is on the disk when the command ends, else its exit code is 74. Only before
    people use the mailbox: what an earlier copy may have left in part is removed, to be copied anew.
    """
    given = [f"{mail_folder(address)}/Maildir", f"{MARKS}/{address}", "yes" if at_once else "no"]
    return ["sh", "-c", _KEEP, "sh", *given]
