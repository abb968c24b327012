"""Tenant documents by the thousand: every one valid and different in each value that tenants differ in."""

import json
from datetime import UTC, datetime
from typing import Any

from mailtenant.certificates import make_local_certificates
from mailtenant.dkim import generate_private_key, public_half

NOW = datetime(2026, 11, 1, tzinfo=UTC)
SIZES = ("small", "medium", "large")
POLICIES = ("none", "quarantine", "reject")


def documents(number: int) -> list[dict[str, Any]]:
    """Plain forms of `mailtenant:tenant`, one to three domains each. They share a DKIM key, which is slow to make."""
    public = public_half(generate_private_key())
    return [_document(i, public) for i in range(number)]


def _document(i: int, public: str) -> dict[str, Any]:
    label = f"tenant-{i:05d}"
    host = f"{label}.outboxment.test"
    made = make_local_certificates(label, host, NOW)
    third, fourth = divmod(i, 250)
    domains = [f"{label}.test", *(f"{name}-{i}.test" for name in ("shop", "mail")[: i % 3])]
    return {
        "schema": 1,
        "release": "2026.11",
        "label": label,
        "organisation": f"Customer {i} Ltd",
        "contact": {"name": f"Person {i}", "email": f"person{i}@example.com"},
        "platform": "docker",
        "platform_domain": "outboxment.test",
        "platform_dns": {"provider": "local"},
        "edge": {"network": "mailtenant-world", "address": f"10.99.{third + 1}.{fourth + 4}", "dns": "10.99.0.53"},
        "internal": {"subnet": f"10.98.{i // 16}.{i % 16 * 16}/28"},
        "publish": f"127.1.{third}.{fourth + 1}",
        "tls": {"mode": "local", "ca": made.ca, "chain": made.chain},
        "host_dkim": [{"selector": "mt1", "public_key": public}],
        "domains": [
            {
                "name": name,
                "dns": {"provider": "local"},
                "dkim": [{"selector": "mt1", "state": "active", "public_key": public}],
            }
            for name in domains
        ],
        "capacity": {"mailboxes": 10 + i, "domains": 5, "storage_gib": 20 + i, "mailbox_quota_mib": 110 + i % 90},
        "size": SIZES[i % 3],
        "limits": {
            "mailbox": {"hour": 50 + i, "day": 500 + i},
            "domain": {"day": 5_000 + i},
            "tenant": {"day": 20_000 + i},
        },
        "tuning": {"postfix": {"message_size_limit_mib": 10 + i % 100}, "dovecot": {}},
        "dmarc": {"policy": POLICIES[i % 3], "reports": [f"mailto:dmarc@{domains[0]}"]},
    }


def stack_file_text(document: dict[str, Any]) -> str:
    """A whole stack file; JSON is YAML, and what is encrypted only needs to look so."""
    host = f"{document['label']}.{document['platform_domain']}"
    leaf = {"secure": "v1:AAAAAAAAAAAAAAAA:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}
    names = ("fingerprintKey", "databaseReaderPassword", "cachePassword", "tlsCaKey", "tlsKey")
    signed = [host, *(domain["name"] for domain in document["domains"])]
    secrets = {**dict.fromkeys(names, leaf), "dkim": {name: {"mt1": leaf} for name in signed}}
    config = {"mailtenant:tenant": document, "mailtenant:secrets": secrets}
    return json.dumps({"encryptionsalt": "v1:AAAAAAAAAAA=:v1:AAAA:AAAA", "config": config}, indent=2)
