"""The thousand tenants: valid, all different, and fit to live side by side."""

from pathlib import Path

from bench.documents import documents, stack_file_text
from mailtenant.rendering import render_tenant
from mailtenant.settings import check_fleet, load_stack_file, parse_settings


def test_tenants_are_valid_differ_and_do_not_clash(tmp_path: Path) -> None:
    files = []
    for document in documents(12):
        path = tmp_path / f"Pulumi.{document['label']}.yaml"
        path.write_text(stack_file_text(document), encoding="utf-8")
        files.append(load_stack_file(path))
    assert check_fleet(files) == []
    rendered = {tuple(file.content for file in render_tenant(one.settings)) for one in files}
    assert len(rendered) == 12


def test_the_last_of_a_thousand_is_valid_too() -> None:
    last = documents(1_000)[-1]
    assert parse_settings(last, stack=last["label"]).label == "tenant-00999"
