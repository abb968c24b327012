"""Mailboxes on a shared host whose files are in a folder here and whose daemons are pretended."""

from pathlib import Path

import pytest

from mailtenant.accounts.errors import AccountError
from mailtenant.migration.sides import SideError
from mailtenant.shared_host.mailboxes import SharedMailboxes
from mailtenant.shared_host.paths import HostPaths
from tests.unit.shared_host.here import Here

NEW = "{ARGON2ID}$argon2id$new"
JO, ANN, MAX = "jo@acme.test", "ann@acme.test", "max@other.test"
FILES = {
    "users/acme.test": f"{JO}:{{X}}jo:::Jo Doe:::\n",
    "users/other.test": f"{MAX}:{{X}}max::::::\n",
    "mailboxes": f"{JO} x\n{MAX} x\n",
    "logins": f"{JO} {JO}\n{MAX} {MAX}\n",
    "aliases": f"sales@acme.test {JO}\n{JO} {JO}\n{MAX} {MAX}\nfriends@other.test {JO}\n",
}


class Host(SharedMailboxes):
    """`text(name)`: a file as it is now."""

    def text(self, name: str) -> str:
        return (Path(self.paths.move).parent / name).read_text()


@pytest.fixture
def host(tmp_path: Path) -> Host:
    runner = Here(tmp_path)
    runner.pretend("postfix")
    runner.pretend(
        "doveadm",
        f"""
case "$1" in pw) echo "SHA512-CRYPT ARGON2ID";; user) echo {tmp_path}/mail/acme.test/jo;; kick) exit 68;; esac""",
    )
    (tmp_path / "users").mkdir()
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "users" / "acme.test").chmod(0o640)
    (tmp_path / "mail" / "acme.test" / "jo" / "Maildir").mkdir(parents=True)
    paths = HostPaths(
        str(tmp_path / "move"), f"{tmp_path}/users/{{domain}}", str(tmp_path / "mailboxes"), str(tmp_path / "logins"),
        str(tmp_path / "aliases"),
    )  # fmt: skip
    return Host(runner, ("acme.test",), paths)


def calls(host: Host) -> list[str]:
    assert isinstance(host.runner, Here)
    return host.runner.calls


def test_an_added_mailbox_gets_mail_and_logs_in_and_a_second_call_changes_nothing(host: Host, tmp_path: Path) -> None:
    host.add(ANN, "Ann Roe", NEW)
    assert host.names() == {JO: "Jo Doe", ANN: "Ann Roe"}
    assert host.text("users/acme.test") == FILES["users/acme.test"] + f"{ANN}:{NEW}:::Ann Roe:::\n"
    assert host.text("mailboxes").endswith(f"{ANN} x\n") and host.text("logins").endswith(f"{ANN} {ANN}\n")
    assert host.text("aliases").endswith(f"{ANN} {ANN}\n")
    assert (tmp_path / "users" / "acme.test").stat().st_mode & 0o777 == 0o640
    assert calls(host)[-3:] == ["postfix reload", f"doveadm auth cache flush {ANN}", f"doveadm kick {ANN}"]
    after = {name: host.text(name) for name in FILES}
    host.add(ANN, "Ann Roe", NEW)
    assert {name: host.text(name) for name in FILES} == after
    assert not list(tmp_path.glob("**/.*.new"))


def test_a_password_is_changed_and_nothing_else(host: Host) -> None:
    host.set_password(JO, NEW)
    assert host.text("users/acme.test") == f"{JO}:{NEW}:::Jo Doe:::\n"
    assert all(host.text(name) == FILES[name] for name in FILES if name != "users/acme.test")
    assert f"doveadm kick {JO}" in calls(host)


@pytest.mark.parametrize("delete", [False, True])
def test_a_removed_mailbox_takes_its_aliases_along_and_its_mail_if_wanted(
    host: Host, tmp_path: Path, delete: bool
) -> None:
    for _ in range(2):
        host.remove(JO, delete_mail=delete)
        assert host.names() == {}
        assert host.text("mailboxes") == f"{MAX} x\n" and host.text("logins") == f"{MAX} {MAX}\n"
        assert host.text("aliases") == f"{MAX} {MAX}\nfriends@other.test {JO}\n"
        assert (tmp_path / "mail" / "acme.test" / "jo").exists() is not delete
    assert host.text("users/other.test") == FILES["users/other.test"]


def test_what_is_not_the_customers_or_not_there_is_refused(host: Host) -> None:
    for address in (MAX, "jo@acme.test.", "../jo@acme.test", "JO@acme.test"):
        for act in (lambda a=address: host.add(a, "", NEW), lambda a=address: host.remove(a, delete_mail=True)):
            with pytest.raises(AccountError):
                act()
    with pytest.raises(AccountError, match="there is no mailbox"):
        host.set_password(ANN, NEW)
    with pytest.raises(AccountError, match="an alias of that address exists already"):
        host.add("sales@acme.test", "", NEW)
    with pytest.raises(SideError, match="cannot verify SCRYPT-9") as refused:
        host.add(ANN, "", "{SCRYPT-9}secret")
    assert "secret" not in str(refused.value)
    assert {name: host.text(name) for name in FILES} == FILES


def test_a_domain_that_the_host_does_not_serve_yet_has_no_mailboxes(host: Host) -> None:
    wider = Host(host.runner, ("acme.test", "new.test"), host.paths)
    assert wider.names() == {JO: "Jo Doe"}
    with pytest.raises(AccountError, match="not served by the shared platform yet"):
        wider.add("jo@new.test", "", NEW)
    assert {name: host.text(name) for name in FILES} == FILES


def test_a_file_that_somebody_else_changed_meanwhile_is_read_again(host: Host, tmp_path: Path) -> None:
    assert isinstance(host.runner, Here)
    # The hosting company's own tool writes a line each time that ours has just read the file, twice.
    host.runner.pretend(
        "cat",
        f"""
/bin/cat "$@"
case "$*" in *mailboxes) ;; *) exit ;; esac
n=$(grep -c '^cat .*mailboxes' {tmp_path}/calls)
[ "$n" -gt 2 ] || echo "new$n@other.test x" >>{tmp_path}/mailboxes
""",
    )
    host.add(ANN, "", NEW)
    assert host.text("mailboxes") == FILES["mailboxes"] + f"new1@other.test x\nnew2@other.test x\n{ANN} x\n"


def test_a_text_that_does_not_come_whole_is_not_written(host: Host, tmp_path: Path) -> None:
    assert isinstance(host.runner, Here)
    host.runner.pretend("cat", """case "$#" in 0) exec head -c 10;; *) exec /bin/cat "$@";; esac""")
    with pytest.raises(SideError, match="did not come whole"):
        host.set_password(JO, NEW)
    assert {name: host.text(name) for name in FILES} == FILES
    assert not list(tmp_path.glob("**/.*.new"))
