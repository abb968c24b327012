"""Whether a mail host lets people of some domains log in: asked of its Dovecot as a login asks, with nobody's password.

A login is judged by its password (right or wrong) or told "not now". `doveadm auth test` says which by its exit code,
so a password that nobody has is enough: 75 is "not now", as mail programs get it (NO [UNAVAILABLE]), all else means
that somebody with the right password would be in. Measured with Dovecot 2.4.1; an answer takes 2 to 11 seconds, since
Dovecot delays failures, so all questions are put at once.
"""

import secrets
from collections.abc import Sequence
from typing import Final

from mailtenant.migration.sides import SideError
from mailtenant.runner import Runner, checked

NOT_NOW: Final = "75"
SECONDS: Final = 120.0
_ASK: Final = """
# PASSWORD   `SERVICE USER` lines by stdin; for each its exit code and itself
number=0
while read -r service user; do
    {
        code=0
        doveadm auth test -x service="$service" "$user" "$1" </dev/null >/dev/null 2>&1 || code=$?
        printf '%s %s %s\\n' "$code" "$service" "$user"
    } &
    number=$((number + 1))
    [ $((number % 16)) -ne 0 ] || wait
done
wait
"""


def admitted(runner: Runner, services: Sequence[str], domains: Sequence[str]) -> list[str]:
    """`imap @acme.test` for each service and domain whose logins are judged. Raises: SideError"""
    asked = [f"{service} postmaster@{domain}" for domain in domains for service in services]
    command = ["sh", "-c", _ASK, "sh", secrets.token_urlsafe(24)]
    text = checked(runner, command, stdin="".join(f"{line}\n" for line in asked).encode(), seconds=SECONDS)
    codes = {line.partition(" ")[2]: line.partition(" ")[0] for line in text.splitlines()}
    if missing := [line for line in asked if line not in codes]:
        raise SideError(f"{runner.name}: no answer to a login as {missing[0]}; see its Dovecot's log")
    return [line.replace("postmaster@", "@") for line in asked if codes[line] != NOT_NOW]
