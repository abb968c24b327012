"""A new stack file as text: the document in sections with a word on each, as a person would have written it."""

import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

SCHEMA_LINE: Final = "# yaml-language-server: $schema=../docs/tenant.schema.json"

# Keys in the order of the file, each section with its comment. Keys of the model that are not here are defaults.
_SECTIONS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    (
        "Who it is. The label is for ever: a new one is a new tenant.",
        ("schema", "release", "label", "organisation", "contact"),
    ),
    (
        "Where it runs, and the domain that its host name ends in. platform: docker, or ssh://user@host.\n"
        "platform_dns: who serves the host's records: local, cloudflare or manual.",
        ("platform", "platform_domain", "platform_dns", "profile"),
    ),
    (
        "Its own address on the outside network (clients, MX and egress alike), its network without a way out, and\n"
        "optionally a loopback address of this machine where the ports are published for people and tests.",
        ("edge", "internal", "publish"),
    ),
    (
        "Domains whose mail it carries. dns.provider: local (own name server), manual (publish by hand what\n"
        "`mailtenant records` prints), cloudflare (with zone_id) or godaddy. dkim: the public half of each key;\n"
        "exactly one is active.",
        ("domains",),
    ),
    ("What the customer bought. All mailbox quotas together fit the storage.", ("capacity",)),
    (
        "Memory and processor: small, medium, large, or a table such as {base: small, imap: {memory_mib: 1024}}.",
        ("size", "nodes"),
    ),
    ("Messages that may leave, per clock hour and day (UTC). The smallest limit wins.", ("limits",)),
    ("Settings of the daemons for this tenant only; docs/tenant-settings.md lists what there is.", ("tuning",)),
    ("What receivers do with mail that passes neither SPF nor DKIM: none, quarantine or reject.", ("dmarc",)),
    ("The host's certificate and its CA, public halves (mode local: an own CA, for laptops and tests).", ("tls",)),
    ("DKIM key of the host itself: it signs bounces.", ("host_dkim",)),
)
_SECRETS: Final = (
    "Secrets, each encrypted by itself under the stack's passphrase. To change one:\n"
    "pulumi config set --secret --path 'mailtenant:secrets.NAME' (it asks for the value)."
)


class _Dumper(yaml.SafeDumper):
    """Block style; short tables in one line; PEM as literal blocks; text that could be taken for a number in quotes."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


# What no YAML reader, of whatever version, takes for anything but text (`1e3` and `no` do not qualify).
_PLAIN: Final = re.compile(
    r"(?!(?:y|n|yes|no|on|off|true|false|null)$)[A-Za-z][A-Za-z0-9 @._+/=:-]*|\d+(?:\.\d+){3}(?:/\d+)?", re.I
)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    if "\n" in value:
        style: str | None = "|"
    else:
        style = None if _PLAIN.fullmatch(value) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _table(dumper: yaml.SafeDumper, value: dict[str, Any]) -> yaml.MappingNode:
    return dumper.represent_mapping("tag:yaml.org,2002:map", value.items(), flow_style=_is_short(value))


def _is_short(value: Mapping[str, Any]) -> bool:
    """Whether a table reads better in one line."""
    if "secure" in value or any(isinstance(v, list) and v for v in value.values()):
        return False
    if not all(_is_short(v) for v in value.values() if isinstance(v, dict)):
        return False
    texts = [f"{k}: {v}" for k, v in value.items()]
    return sum(map(len, texts)) < 90 and not any("\n" in text for text in texts)


class _Section(dict[str, Any]):
    """The outermost table: its keys begin lines, however short they are."""


def _section(dumper: yaml.SafeDumper, value: _Section) -> yaml.MappingNode:
    return dumper.represent_mapping("tag:yaml.org,2002:map", value.items(), flow_style=False)


_Dumper.add_representer(_Section, _section)
_Dumper.add_representer(str, _text)
_Dumper.add_representer(dict, _table)


def stack_file_text(document: Mapping[str, Any], secrets: Mapping[str, Any], salt: str) -> str:
    """The whole stack file. `secrets` is the tree of encrypted leaves, `salt` the CLI's `encryptionsalt`."""
    lines = [SCHEMA_LINE]
    lines.append(f"# All there is of tenant {document['label']}. Edit, `mailtenant validate`, `pulumi up`.")
    lines.append("# Every key: docs/tenant-settings.md")
    lines += [f"encryptionsalt: {salt}", "config:", "  mailtenant:tenant:"]
    left = dict(document)
    for comment, keys in _SECTIONS:
        section = {key: left.pop(key) for key in keys if key in left}
        if section:
            lines += ["", *(f"    # {line}" for line in comment.splitlines()), *_yaml(section, 4)]
    if left:
        raise ValueError(f"keys without a section: {', '.join(left)}")
    lines += ["", *(f"  # {line}" for line in _SECRETS.splitlines()), *_yaml({"mailtenant:secrets": dict(secrets)}, 2)]
    return "\n".join(lines) + "\n"


def _yaml(value: Mapping[str, Any], indent: int) -> list[str]:
    text = yaml.dump(_Section(value), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1_000_000)
    return [" " * indent + line if line else "" for line in text.splitlines()]
