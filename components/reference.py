"""The pages of the components, generated from their docstrings and signatures: `python -m components.reference`."""

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, get_type_hints, is_typeddict

import pulumi

import components

PAGES: Final = Path(__file__).resolve().parents[1] / "docs" / "components"
_NOTE: Final = "<!-- Generated from the docstrings by `make docs`; edit those. -->"


def found() -> Mapping[str, type[pulumi.ComponentResource]]:
    """Name → component, of every module in `components/`."""
    classes: dict[str, type[pulumi.ComponentResource]] = {}
    for module in pkgutil.iter_modules(components.__path__):
        if module.ispkg:
            continue
        loaded = importlib.import_module(f"components.{module.name}")
        for name, one in inspect.getmembers(loaded, inspect.isclass):
            own = one.__module__ == loaded.__name__
            if own and issubclass(one, pulumi.ComponentResource):
                classes[name] = one
    return dict(sorted(classes.items()))


def pages() -> Mapping[str, str]:
    """File name → text, the index among them."""
    made = {f"{name}.md": page(name, one) for name, one in found().items()}
    lines = [_NOTE, "# Components", "", "`MailTenant` is the one for other programs ([examples](../../examples)); the "
             "others are its parts.", "", "| component | |", "|---|---|"]  # fmt: skip
    for name, one in found().items():
        first = (inspect.getdoc(one) or "").split("\n\n")[0].replace("\n", " ").removeprefix("Creates: ")
        lines.append(f"| [`{name}`]({name}.md) | {first} |")
    return {**made, "README.md": "\n".join(lines) + "\n"}


def page(name: str, one: type[pulumi.ComponentResource]) -> str:
    """What it creates, what replaces it, its outputs (the docstring), and its inputs."""
    lines = [_NOTE, f"# {name}", "", f"Type `mailtenant:index:{name}`, in `{one.__module__.replace('.', '/')}.py`.", ""]
    lines += [inspect.getdoc(one) or "", "", "## Inputs", "", "| input | type | |", "|---|---|---|"]
    for parameter in list(inspect.signature(one.__init__).parameters.values())[1:]:
        type_ = get_type_hints(one.__init__).get(parameter.name)
        needed = "" if parameter.default is inspect.Parameter.empty else "optional"
        lines.append(f"| `{parameter.name}` | `{_shown(type_)}` | {needed} |")
        if is_typeddict(type_):
            for key, hint in get_type_hints(type_).items():
                needed = "" if key in type_.__required_keys__ else "optional"
                lines.append(f"| `{parameter.name}.{key}` | `{_shown(hint)}` | {needed} |")
    return "\n".join(lines) + "\n"


def _shown(type_: object) -> str:
    text = type_.__name__ if inspect.isclass(type_) and not getattr(type_, "__args__", None) else str(type_)
    for noise in ("collections.abc.", "typing.", "mailtenant.", "components.", "pulumi."):
        text = text.replace(noise, "")
    words = [word.rsplit(".", 1)[-1] for word in text.replace("[", "[ ").replace("]", " ]").replace(",", " ,").split()]
    return " ".join(words).replace("[ ", "[").replace(" ]", "]").replace(" ,", ",").replace("|", "or")


def main() -> int:
    """Writes the pages and removes those of components that are gone."""
    wanted = pages()
    PAGES.mkdir(parents=True, exist_ok=True)
    for path in PAGES.glob("*.md"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (PAGES / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
