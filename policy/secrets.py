"""Secrets: none in an environment, and the demo's published passphrase only where it does no harm."""

import math
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pulumi_policy import (
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

from mailtenant.settings.demo import uses_published_passphrase
from policy.values import CONTAINER, DOCKER, TENANT, items, known, of_type, texts

_NAME: Final = re.compile(r"(?i)(pass(word|wd|phrase)?|secret|token|credential|api_?key|private_?key|_key)$")
_VALUE: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|://[^/@\s:]+:[^/@\s]+@|\b(?:gh[pousr]_|xox[bap]-|AKIA)\w+"
)
_FILE: Final = re.compile(r"(?i)_(file|path)$")


def plaintext(props: Mapping[str, Any]) -> Iterator[str]:
    """Names of variables and words that look like secrets; never a value. What is encrypted is no better there: the
    engine's API and every process of the container read it."""
    for place in ("envs", "command"):
        for word in texts(props, place):
            name, _, value = word.partition("=")
            if _VALUE.search(word):
                yield f"carries a key or password in `{place}`"
            elif place == "envs" and value and not _FILE.search(name) and (_NAME.search(name) or _looks_random(value)):
                yield f"carries a secret in the variable {name}"


def _looks_random(value: str) -> bool:
    """Long, of one alphabet, and nearly as mixed as chance makes it: what no host name or address is."""
    if len(value) < 24 or not re.fullmatch(r"[A-Za-z0-9+/=_-]+", value):
        return False
    counts = Counter(value)
    entropy = -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
    return entropy > 3.7 and bool(re.search(r"\d", value)) and bool(re.search(r"[A-Z]", value))


def no_plaintext_secrets(args: ResourceValidationArgs, report_violation: ReportViolation) -> None:
    if args.resource_type != CONTAINER:
        return
    for problem in plaintext(args.props):
        report_violation(
            f"{args.name} {problem}, which the engine shows to whoever may ask it; hand it over as a file "
            "(components/files.py)",
            args.urn,
        )


def demo_secrets(args: StackValidationArgs, report_violation: ReportViolation) -> None:
    if not uses_published_passphrase(os.environ):
        return
    away = [known(one.props, "host") for one in of_type(args, DOCKER)]
    names = [
        str(known(record, "name")) for tenant in of_type(args, TENANT) for record in items(tenant.props, "records")
    ]
    real = [name for name in names if not name.endswith((".test", ".arpa"))]
    for tenant in of_type(args, TENANT):
        if any(away) or real:
            where = f"on {next(host for host in away if host)}" if any(away) else f"for {real[0]}"
            report_violation(
                f"{tenant.name} is encrypted with the demo's published passphrase and would run {where}: anybody can "
                "read its keys; make it anew under a passphrase of its own (`mailtenant new`)",
                tenant.urn,
            )


POLICIES: Final = (
    ResourceValidationPolicy(
        "no-plaintext-secrets",
        "No secret stands in a container's environment or command.",
        no_plaintext_secrets,
        remediation_steps="Deliver it as a secret file; change the secret, for it was seen.",
    ),
    StackValidationPolicy(
        "demo-secrets-stay-local",
        "The published passphrase of the demo is used on the local engine only.",
        demo_secrets,
        remediation_steps="`mailtenant new` under a passphrase of your own.",
    ),
)
