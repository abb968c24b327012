"""Two revisions of a real repository: which tenants change, judged by each revision's own code."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mailtenant.diff.comparison import CODE, NO_PART
from mailtenant.diff.document import from_json, to_json
from mailtenant.diff.errors import DiffError
from mailtenant.diff.markdown import markdown
from mailtenant.diff.repository import Repository
from tests.pull_requests.record import ROOT
from tests.unit.cli.conftest import Cli
from tests.unit.cli.conftest import cli as cli
from tests.unit.diff.conftest import GitProject
from tests.unit.settings.files import a_stack_file

TUNING = "message_size_limit_mib: 40"


def labels(project: GitProject, base: str = "HEAD", head: str | None = None) -> list[str]:
    return sorted(one.label for one in project.compare(base, head).tenants)


def test_nothing_changes_between_a_revision_and_itself(stacks_only: GitProject) -> None:
    found = stacks_only.compare("HEAD")
    assert (found.tenants, found.total) == ((), 3)


def test_one_edited_stack_file_is_one_tenant(stacks_only: GitProject) -> None:
    stacks_only.edit("stacks/Pulumi.acme.yaml", TUNING, "message_size_limit_mib: 60")
    (one,) = stacks_only.compare("HEAD").tenants
    assert (one.label, one.kind) == ("acme", "changed")
    assert [(s.path, s.old, s.new) for s in one.settings] == [
        ("mailtenant:tenant.tuning.postfix.message_size_limit_mib", "40", "60")
    ]
    main_cf = next(file for file in one.files if file.path.endswith("main.cf"))
    assert f"+message_size_limit = {60 * 1024 * 1024}" in main_cf.lines
    assert {r.physical for r in one.resources if r.op == "replace"} >= {"mt-acme-smtp", "mt-acme-imap"}
    assert not one.loses_data


def test_between_two_commits_the_working_tree_does_not_count(stacks_only: GitProject) -> None:
    base = stacks_only.git("rev-parse", "HEAD")
    stacks_only.edit("stacks/Pulumi.acme.yaml", TUNING, "message_size_limit_mib: 60")
    head = stacks_only.commit()
    stacks_only.edit("stacks/Pulumi.globex.yaml", "message_size_limit_mib: 41", "message_size_limit_mib: 61")
    assert labels(stacks_only, base, head) == ["acme"]
    assert labels(stacks_only, base) == ["acme", "globex"]


def test_new_and_gone_tenants(stacks_only: GitProject) -> None:
    stacks_only.stack_file("globex").unlink()
    a_stack_file(stacks_only.folder, "umbrella", 9)  # not known to git yet
    found = {one.label: one for one in stacks_only.compare("HEAD").tenants}
    assert {label: one.kind for label, one in found.items()} == {"globex": "gone", "umbrella": "new"}
    assert {r.op for r in found["umbrella"].resources} == {"create"}
    assert found["umbrella"].records
    assert not found["globex"].resources, "a stack file that is gone destroys nothing"


def test_a_broken_stack_file_is_a_row_and_the_others_are_shown(stacks_only: GitProject, cli: Cli) -> None:
    stacks_only.edit("stacks/Pulumi.acme.yaml", "size: small", "size: hunter2secret")
    stacks_only.edit("stacks/Pulumi.globex.yaml", "message_size_limit_mib: 41", "message_size_limit_mib: 61")
    found = {one.label: one for one in stacks_only.compare("HEAD").tenants}
    assert found["globex"].kind == "changed"
    assert found["acme"].kind == "broken"
    ((side, problem),) = found["acme"].problems
    assert side == "head"
    assert problem.startswith("mailtenant:tenant.size: is not one of")
    ended = cli("diff", "HEAD", "--project", stacks_only.folder, "--format", "markdown")
    assert ended.code == 1
    assert "hunter2secret" not in ended.out + ended.err
    assert "globex" in ended.out


def test_a_changed_secret_says_only_that(stacks_only: GitProject, cli: Cli) -> None:
    text = stacks_only.stack_file("acme").read_text(encoding="utf-8")
    place = text.index("cachePassword:")
    changed = text[:place] + text[place:].replace("secure: v1:bm9uY2U=:c2VhbGVk", "secure: v1:bm9uY2U=:QU5PVEhFUg==", 1)
    stacks_only.stack_file("acme").write_text(changed, encoding="utf-8")
    (one,) = stacks_only.compare("HEAD").tenants
    assert [(s.path, s.old, s.new) for s in one.secrets] == [("cachePassword", "[secret]", "[secret]")]
    assert (one.settings, one.files, one.records) == ((), (), ())
    assert {r.physical for r in one.resources} >= {"mt-acme-cache", "mt-acme-filter"}
    for form in ("terminal", "markdown", "json"):
        said = cli("diff", "HEAD", "--project", stacks_only.folder, "--format", form).out
        assert "[secret]" in said
        assert not re.search(r"secret [0-9a-f]{12}|-secrets-[0-9a-f]{12}|QU5PVEhFUg|c2VhbGVk", said), form


def test_a_template_shows_just_the_tenants_whose_output_differs(with_code: GitProject) -> None:
    """Only globex accepts 41 MiB: a template that treats that number apart changes one tenant of three."""
    template = "templates/postfix/etc/postfix/main.cf.j2"
    with_code.edit(
        template,
        "\nmailbox_size_limit = 0\n",
        "\nmailbox_size_limit = {{ 1 if settings.tuning.postfix.message_size_limit_mib == 41 else 0 }}\n",
    )
    found = with_code.compare("HEAD")
    assert [one.label for one in found.tenants] == ["globex"]
    assert found.code_changed == (template,)
    (file,) = found.tenants[0].files
    assert {"-mailbox_size_limit = 0", "+mailbox_size_limit = 1"} <= set(file.lines)


def test_each_side_is_computed_by_its_own_code(with_code: GitProject) -> None:
    """A component's change shows for all, without any stack file's; back and forth are each other's opposite."""
    base = with_code.git("rev-parse", "HEAD")
    with_code.edit("components/service.py", 'restart="unless-stopped"', 'restart="always"')
    head = with_code.commit()
    forth, back = with_code.compare(base, head), with_code.compare(head, base)
    assert [one.label for one in forth.tenants] == ["acme", "globex", "initech"]
    inputs = {(i.key, i.old, i.new) for one in forth.tenants for r in one.resources for i in r.inputs}
    assert inputs == {("restart", '"unless-stopped"', '"always"')}
    assert {r.op for one in forth.tenants for r in one.resources} == {"update"}
    assert {(i.old, i.new) for one in back.tenants for r in one.resources for i in r.inputs} == {
        ('"always"', '"unless-stopped"')
    }


def test_code_that_no_tenant_depends_on_changes_none(with_code: GitProject) -> None:
    with_code.edit("mailtenant/cli/validate.py", '"""`mailtenant validate`', '"""Here is `mailtenant validate`')
    found = with_code.compare("HEAD")
    assert (found.tenants, found.code_changed) == ((), ())


def test_a_renamed_volume_is_a_loss_and_comes_first(with_code: GitProject, cli: Cli) -> None:
    with_code.edit("components/smtp.py", 'f"{name}-queue",', 'f"{name}-spool",')
    one = with_code.compare("HEAD").tenants[0]
    lost = one.resources[0]
    assert (lost.op, lost.name, lost.protected, lost.loses_data) == ("delete", "acme-smtp-queue", True, True)
    ended = cli("diff", "HEAD", "--project", with_code.folder, "--tenant", "acme", "--format", "markdown")
    assert ended.code == 1
    assert ended.out.index("⛔ **acme**") < ended.out.index("| tenant |")


def test_with_an_alias_the_same_rename_loses_nothing(with_code: GitProject) -> None:
    with_code.edit("components/smtp.py", 'f"{name}-queue",', 'f"{name}-spool",')
    with_code.edit(
        "components/smtp.py",
        "opts=pulumi.ResourceOptions(parent=self),",
        'opts=pulumi.ResourceOptions(parent=self, aliases=[pulumi.Alias(name=f"{name}-queue")]),',
    )
    found = with_code.compare("HEAD")
    assert {(r.op, r.name) for one in found.tenants for r in one.resources} == {
        ("rename", f"{label}-smtp-spool") for label in ("acme", "globex", "initech")
    }
    assert not found.loses_data


def test_a_defect_of_the_code_is_that_tenants_row(with_code: GitProject) -> None:
    with_code.edit(
        "components/smtp.py",
        'super().__init__("mailtenant:index:SmtpServer"',
        'assert context.settings.label != "globex", "boom"\n        super().__init__("mailtenant:index:SmtpServer"',
    )
    (one,) = with_code.compare("HEAD").tenants
    assert (one.label, one.kind) == ("globex", "broken")
    assert "boom" in one.problems[0][1]


def test_code_that_cannot_be_run_at_all_ends_with_one_line(with_code: GitProject, cli: Cli) -> None:
    with_code.edit("components/registrations.py", "class Registered:", "class Registered(:")
    ended = cli("diff", "HEAD", "--project", with_code.folder)
    assert (ended.code, ended.out) == (1, "")
    assert "the code of working tree cannot be run: SyntaxError" in ended.err


def test_a_revision_before_this_command_is_refused_by_name(with_code: GitProject) -> None:
    (with_code.folder / "stacks" / "offline.py").unlink()
    old = with_code.commit("as it was before")
    (with_code.folder / "stacks" / "offline.py").write_text(
        (ROOT / "stacks" / "offline.py").read_text(encoding="utf-8"), encoding="utf-8"
    )
    with_code.commit("as it is")
    with pytest.raises(DiffError, match=rf"HEAD~1 \({old[:9]}\) is older than `mailtenant diff`"):
        with_code.compare("HEAD~1", "HEAD")


def test_unknown_revisions_and_folders_are_named(stacks_only: GitProject, tmp_path: Path, cli: Cli) -> None:
    ended = cli("diff", "no-such-branch", "--project", stacks_only.folder)
    assert (ended.code, ended.out) == (1, "")
    assert "no revision `no-such-branch` here" in ended.err
    ended = cli("diff", "--output=/x", "--project", stacks_only.folder)
    assert ended.code == 2
    assert cli("diff", "HEAD", "--tenant", "nobody", "--project", stacks_only.folder).code == 1
    with pytest.raises(DiffError, match="in no git repository"):
        Repository(tmp_path)


def test_a_project_below_the_root_of_its_repository(with_code: GitProject) -> None:
    outer = with_code.folder.parent
    (with_code.folder / ".git").rename(outer / ".git")
    with_code.commit("into a folder below")
    base = with_code.git("rev-parse", "HEAD")
    with_code.edit("templates/postfix/etc/postfix/main.cf.j2", "mailbox_size_limit = 0", "mailbox_size_limit = 1")
    head = with_code.commit()
    found = with_code.compare(base, head)
    assert ([one.label for one in found.tenants], found.total) == (["acme", "globex", "initech"], 3)
    assert {one.kind for one in found.tenants} == {"changed"}


@pytest.mark.parametrize("name", [b"Pulumi.a\nb.yaml", b"Pulumi.\xff.yaml"], ids=["two-lines", "not-utf-8"])
def test_a_stack_file_whose_name_is_no_text_is_named(stacks_only: GitProject, cli: Cli, name: bytes) -> None:
    base = stacks_only.git("rev-parse", "HEAD")
    Path(os.fsdecode(os.path.join(os.fsencode(stacks_only.folder / "stacks"), name))).write_text("x", encoding="utf-8")
    for head in ([], [stacks_only.commit()]):
        ended = cli("diff", base, *head, "--project", stacks_only.folder)
        assert ended.code == 1
        assert "a stack file's name is not text: stacks/Pulumi." in ended.err


def test_any_other_name_that_is_no_text_is_shown_in_its_octets(with_code: GitProject) -> None:
    folder = os.fsencode(with_code.folder / "templates")
    Path(os.fsdecode(os.path.join(folder, b"\xff.j2"))).write_text("x", encoding="utf-8")
    found = with_code.compare("HEAD")
    assert found.code_changed == ("templates/\\xff.j2",)
    assert from_json(to_json(found), "x") == found


def test_without_git_or_its_trust_the_error_says_so(
    stacks_only: GitProject, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    ended = cli("diff", "HEAD", "--project", stacks_only.folder)
    assert f"git config --global --add safe.directory {stacks_only.folder}" in ended.err
    monkeypatch.setenv("PATH", str(tmp_path))
    ended = cli("diff", "HEAD", "--project", stacks_only.folder)
    assert (ended.code, "git was not found" in ended.err) == (1, True)


def test_options_are_never_taken_for_revisions(stacks_only: GitProject) -> None:
    with pytest.raises(DiffError, match="no revision"):
        Repository(stacks_only.folder).resolve("--output=/tmp/x")


def test_a_pull_request_is_compared_with_where_it_began(stacks_only: GitProject, cli: Cli) -> None:
    stacks_only.git("checkout", "--quiet", "-b", "topic")
    stacks_only.edit("stacks/Pulumi.acme.yaml", TUNING, "message_size_limit_mib: 60")
    stacks_only.commit()
    stacks_only.git("checkout", "--quiet", "main")
    stacks_only.edit("stacks/Pulumi.globex.yaml", "message_size_limit_mib: 41", "message_size_limit_mib: 61")
    stacks_only.commit()
    stacks_only.git("checkout", "--quiet", "topic")
    ended = cli("diff", "main", "HEAD", "--merge-base", "--json", "--project", stacks_only.folder)
    assert [one["label"] for one in ended.json["tenants"]] == ["acme"]


def test_exit_codes(stacks_only: GitProject, cli: Cli) -> None:
    arguments = ("diff", "HEAD", "--exit-code", "--project", stacks_only.folder)
    assert cli(*arguments).code == 0
    stacks_only.edit("stacks/Pulumi.acme.yaml", TUNING, "message_size_limit_mib: 60")
    assert cli(*arguments).code == 4
    assert cli("diff", "HEAD", "--project", stacks_only.folder).code == 0


def test_what_images_are_computed_from_is_what_is_watched() -> None:
    """Every module of this tree that the evaluator loads lies in CODE, and in none of the folders that do not count."""
    script = (
        "import sys, pathlib, stacks.offline, components.tenant, components.cloudflare_zone, components.godaddy_zone\n"
        "import runpy\n"
        "for m in list(sys.modules.values()):\n"
        "    f = getattr(m, '__file__', None)\n"
        "    if f: print(f)\n"
    )
    command = [sys.executable, "-P", "-c", script + "import components.capacity_guard\n"]
    done = subprocess.run(command, text=True, capture_output=True, check=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)})
    venv = ROOT / ".venv"
    found = [Path(line) for line in done.stdout.splitlines() if Path(line).is_relative_to(ROOT)]
    loaded = {str(path.relative_to(ROOT)) for path in found if not path.is_relative_to(venv)}
    assert len(loaded) > 40
    assert not [path for path in loaded if path.startswith(NO_PART)]
    assert not [path for path in loaded if not any(path == part or path.startswith(f"{part}/") for part in CODE)]


def test_the_report_is_the_same_whatever_the_environment_says(
    stacks_only: GitProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No passphrase, no configuration and no seed of this machine reaches the evaluation."""
    stacks_only.edit("stacks/Pulumi.acme.yaml", TUNING, "message_size_limit_mib: 60")
    before = markdown(stacks_only.compare("HEAD"))
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", (ROOT / "stacks" / "demo-passphrase.txt").read_text().strip())
    monkeypatch.setenv("PULUMI_CONFIG", '{"mailtenant:tenant": "{}"}')
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent")
    assert markdown(stacks_only.compare("HEAD")) == before
