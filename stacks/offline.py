"""The program without an engine: stack files in, one tenant image a line out. `mailtenant diff` runs it.

A tenant image is all that a stack file comes to, in one JSON document: settings, rendered files, records, the resource
graph. Each revision computes its own side with its own code, so this file is the interface between revisions:
what is added is optional for readers, `IMAGE_FORM` changes when a meaning does.

Input: one JSON object a line, `{"label", "file", "path", "before"}`; `before` is the stack file that is deployed, if
there is one. First line of the output: what the readers need to know of the code, `{"form", "rules"}`.

No network, no passphrase, no Pulumi CLI: an encrypted leaf stands as a hash of its ciphertext.
"""

import hashlib
import json
import os
import runpy
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import pulumi

from components.registrations import Registered, Registrations, registrations
from mailtenant.dns import local_zones, policies
from mailtenant.rendering import render_tenant
from mailtenant.settings import SettingsErrors, StackFile, load_stack_file
from mailtenant.settings.document import read_document
from mailtenant.settings.secret_leaves import is_encrypted
from providers.offline.cloudflare.inputs import RECORD, REPLACES
from providers.offline.docker.inputs import RESOURCES

IMAGE_FORM: Final = 1
PROJECT: Final = "mailtenant"
TENANT: Final = "mailtenant:index:TenantMail"


def rules() -> dict[str, dict[str, list[str]]]:
    """Type → inputs whose change replaces, and inputs whose order does not count. Types that are not here: unknown."""
    known = {
        type_: {
            "replaces": sorted(key for key, item in table.items() if item.replaces),
            "unordered": sorted(key for key, item in table.items() if item.kind in ("set", "objects")),
        }
        for type_, table in RESOURCES.items()
    }
    known[RECORD] = {"replaces": sorted(REPLACES), "unordered": []}
    known["godaddy:index/recordSet:RecordSet"] = {"replaces": ["domain", "name", "type"], "unordered": ["values"]}
    return known


def main() -> None:
    """Answers until its input ends."""
    # What a program prints must not stand between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for name in [name for name in os.environ if name.startswith("PULUMI_")]:
        del os.environ[name]

    def answer(value: Mapping[str, Any]) -> None:
        answers.write(json.dumps(value, ensure_ascii=False) + "\n")
        answers.flush()

    answer({"form": IMAGE_FORM, "rules": rules()})
    for line in sys.stdin:
        answer(tenant_image(**json.loads(line)))


def tenant_image(
    label: str, file: str, path: str, before: str | None = None, files_only: bool = False
) -> dict[str, Any]:
    """The image; or `{"label", "problems"}`, each problem a line of text without any value of the stack file.

    `files_only`: `{"label", "digest"}` of the rendered files, in a tenth of the time.
    """
    try:
        stack_file = load_stack_file(Path(path), file)
        if files_only:
            return {"label": label, "digest": _files_digest(stack_file)}
        config = _config(Path(path), file)
        seen = _run(label, config, _last_outputs(label, config, Path(before) if before else None, file))
    except SettingsErrors as error:
        problems = [f"{p.path}: {p.text}" + (f" (line {p.line})" if p.line else "") for p in error.problems]
        return {"label": label, "problems": [problem.removeprefix(": ") for problem in problems]}
    except pulumi.RunError as error:
        return {"label": label, "problems": str(error).splitlines() or ["refused by the program"]}
    except Exception as error:  # One tenant's defect must not hide what the others become.
        return {"label": label, "problems": [f"the program failed: {type(error).__name__}: {_first_line(error)}"]}
    outputs = _outputs(seen)
    return {
        "label": label,
        "settings": {key: value for key, value in config.items() if key != f"{PROJECT}:secrets"},
        "secrets": dict(_digests(config.get(f"{PROJECT}:secrets"), ())),
        "files": outputs["files"],
        "records": outputs["records"],
        "resources": [_resource(one) for one in seen.resources],
    }


def _files_digest(stack_file: StackFile) -> str:
    """Same settings and same code but for templates: the same digest means the same image."""
    state = (stack_file.settings, stack_file.existing, stack_file.dns_phase)
    files = render_tenant(stack_file.settings, zones=local_zones(*state), policies=policies(*state))
    return hashlib.sha256(json.dumps([[file.tree_path, file.content] for file in files]).encode()).hexdigest()


def _config(path: Path, file: str) -> dict[str, Any]:
    """The file's `config`, encrypted leaves as `[secret <digest>]`."""
    return {key: _blind(value) for key, value in read_document(path, file).value["config"].items()}


def _blind(value: Any) -> Any:
    if is_encrypted(value):
        # What is encrypted twice differs though it says the same: a change of it may be none, and is shown.
        return f"[secret {hashlib.sha256(value['secure'].encode()).hexdigest()[:12]}]"
    if isinstance(value, dict):
        return {key: _blind(below) for key, below in value.items()}
    return [_blind(below) for below in value] if isinstance(value, list) else value


def _digests(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, below in value.items():
            yield from _digests(below, (*path, str(key)))
    elif value is not None:
        yield ".".join(path), str(value)


def _last_outputs(label: str, config: Mapping[str, Any], before: Path | None, file: str) -> Mapping[str, Any]:
    """What the program would read of its own last run: only tenants with adopted records ask.

    The deployed side's own last run is one in the phase `adopted`, where all that can be adopted is.
    """
    existing = f"{PROJECT}:dnsExisting"
    try:
        deployed = _config(before, file) if before else config
    except SettingsErrors:
        deployed = config
    if not config.get(existing) or not deployed.get(existing):
        return {}
    adopted = _outputs(_run(label, {**deployed, f"{PROJECT}:dnsPhase": "adopted"}, {}))
    return {"dnsPhase": deployed.get(f"{PROJECT}:dnsPhase", "settled"), "dnsAdopted": adopted["dnsAdopted"]}


def _outputs(seen: Registrations) -> Mapping[str, Any]:
    return next(seen.outputs[one.urn] for one in seen.resources if one.type == TENANT)


def _run(label: str, config: Mapping[str, Any], last: Mapping[str, Any]) -> Registrations:
    plain = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    pulumi.runtime.set_all_config(plain, [key for key in plain if key == f"{PROJECT}:secrets"])

    def program() -> None:
        # What guards ask and do at `up` (the engine; queues of servers that go are emptied) is no part of an image. The
        # SDK itself must not take this for a preview: what it does not know would be left out.
        with patch.object(pulumi.runtime, "is_dry_run", return_value=True):
            runpy.run_path(str(Path(__file__).with_name("__main__.py")), run_name="__main__")

    return registrations(program, PROJECT, label, lambda _token, _arguments: {"outputs": dict(last)})


def _resource(one: Registered) -> dict[str, Any]:
    secret = {path.partition("[")[0].partition(".")[0] for path in one.secret}
    inputs = {key: _sealed(value, key, one.secret) if key in secret else value for key, value in one.inputs.items()}
    flags = {
        "protect": one.protect,
        "retain": one.retain_on_delete,
        "delete_first": one.delete_before_replace,
        "import": bool(one.import_id),
    }
    lists = {
        "replace_on": list(one.replace_on_changes),
        "ignore": list(one.ignore_changes),
        "aliases": list(one.aliases),
    }
    return {
        "urn": one.urn,
        "type": one.type,
        "name": one.name,
        "parent": one.parent,
        "custom": one.custom,
        "inputs": inputs,
        "depends": {key: list(urns) for key, urns in one.dependencies.items()},
        **{key: value for key, value in (flags | lists).items() if value},
    }


def _sealed(value: Any, path: str, secret: frozenset[str]) -> Any:
    """The value with its secret leaves as digests: they can be compared, and tell nothing."""
    if path in secret:
        return f"[secret {hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]}]"
    if isinstance(value, dict):
        return {key: _sealed(below, f"{path}.{key}", secret) for key, below in value.items()}
    return [_sealed(below, f"{path}[]", secret) for below in value] if isinstance(value, list) else value


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:300]


if __name__ == "__main__":
    main()
