"""A queue moved into another one, with Postfix itself as the judge: all is there once, as old and as held as it was."""

import json
import subprocess
from typing import Any

from mailtenant.environment import tool_environment

SCRIPT = r"""
set -eu
mkdir -p /from /to /etc/postfix
chown postfix /var/lib/postfix
configure() {
    printf '%s\n' compatibility_level=3.10 "queue_directory=$1" data_directory=/var/lib/postfix \
        meta_directory=/usr/share/postfix maillog_file=/var/log/postfix.log inet_interfaces=127.0.0.1 mydestination= \
        'relayhost=[127.0.0.1]:9' myhostname=a.test smtp_host_lookup=native >/etc/postfix/main.cf
}
run() {
    configure "$1"
    postfix start
    until [ -S "$1/public/showq" ]; do sleep 0.2; done
}
settled() { until [ "$(postqueue -j | grep -c '"deferred"')" = "$1" ]; do sleep 0.3; done; }
while read -r name class private chroot wakeup most command; do
    echo "$name $class $private - $chroot $wakeup $most $command"
done >/etc/postfix/master.cf <<END
pickup unix n n 1 1 pickup
cleanup unix n n - 0 cleanup
qmgr unix n n 2 1 qmgr
rewrite unix - n - - trivial-rewrite
bounce unix - n - 0 bounce
defer unix - n - 0 bounce
trace unix - n - 0 bounce
flush unix n n 1000? 0 flush
smtp unix - n - - smtp
showq unix n n - - showq
error unix - n - - error
retry unix - n - - error
scache unix - n - 1 scache
tlsmgr unix - n 1000? 1 tlsmgr
postlog unix-dgram n n - 1 postlogd
END
{
    run /to
    echo here | sendmail -f b@a.test here@e.test
    settled 1
    postfix stop
    run /from
    for name in one two three; do echo "$name" | sendmail -f b@a.test "$name@e.test"; done
    settled 3
    held=$(postqueue -j | sed -n '1s/.*"queue_id": "\([^"]*\)".*/\1/p')
    postsuper -h "$held"
} >/dev/null 2>&1
postqueue -j >/tmp/before
{
    postfix stop
    run /to
} >/dev/null 2>&1
move() { /usr/local/lib/mailtenant/move-queue "$@"; }
echo "COUNTS $(move --count) $(move) $(move --count)"
postqueue -f
settled 3
sed 's/^/BEFORE /' /tmp/before
postqueue -j | sed 's/^/AFTER /'
# Names that do not fit their files would be mended here.
postsuper -s 2>&1 | sed 's/^/MENDED /'
"""


def test_a_queue_moves_into_the_one_of_a_running_postfix() -> None:
    command = [
        "docker",
        "run",
        "--rm",
        "-i",
        "--network",
        "none",
        "--entrypoint",
        "sh",
        "mailtenant/smtp:2026.11",
        "-s",
    ]
    done = subprocess.run(
        command, input=SCRIPT, env=tool_environment(), capture_output=True, text=True, check=False, timeout=300
    )
    said = [line.split(" ", 1) for line in done.stdout.splitlines()]
    assert [rest for word, rest in said if word == "COUNTS"] == ["3 3 0"], done.stdout + done.stderr

    def entries(word: str) -> dict[str, Any]:
        found = [json.loads(rest) for first, rest in said if first == word]
        return {one["recipients"][0]["address"]: one for one in found}

    before, after = entries("BEFORE"), entries("AFTER")
    assert set(after) == {*before, "here@e.test"}
    assert len([1 for word, _ in said if word == "AFTER"]) == 4
    for address, entry in before.items():
        for key in ("sender", "arrival_time", "message_size"):
            assert after[address][key] == entry[key]
        assert (after[address]["queue_name"] == "hold") is (entry["queue_name"] == "hold")
    assert len({entry["queue_id"] for entry in after.values()}) == 4
    assert not [rest for word, rest in said if word == "MENDED"]
