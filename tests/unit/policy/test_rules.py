"""Each rule of the policy pack: what breaks it is named with its fix, and our own stack keeps it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import pytest
from pulumi_policy import (
    PolicyResource,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

from components.registrations import registrations
from components.tenant import TenantMail
from mailtenant.settings.demo import published_passphrase
from policy import containers, dns, secrets, volumes
from policy.values import CONTAINER, DOCKER, TENANT, VOLUME
from tests import samples

POLICIES = {one.name: one for one in (*volumes.POLICIES, *containers.POLICIES, *secrets.POLICIES, *dns.POLICIES)}
GOOD_CONTAINER: Mapping[str, Any] = {
    "name": "mt-acme-smtp",
    "image": "sha256:1",
    "capabilities": {"drops": ["ALL"], "adds": ["CAP_NET_BIND_SERVICE"]},
    "securityOpts": ["no-new-privileges"],
    "memory": 256,
    "memorySwap": 256,
    "cpuShares": 512,
    "envs": [
        "MAILTENANT_EDGE_ADDRESS=10.99.1.10",
        "PGPASSFILE=/run/secrets/pgpass",
        "TLS_KEY_FILE=/run/secrets/tls.key",
    ],
    "ports": [{"internal": 25, "external": 25, "ip": "127.0.1.1"}],
    "volumes": [{"containerPath": "/var/spool/postfix", "volumeName": "mt-acme-queue"}],
}
RECORDS = [
    ("acme.outboxment.test", "A", "10.99.1.10"),
    ("10.1.99.10.in-addr.arpa", "PTR", "acme.outboxment.test"),
    ("acme.test", "MX", "10 acme.outboxment.test"),
    ("acme.test", "TXT", "v=spf1 a:acme.outboxment.test -all"),
    ("_dmarc.acme.test", "TXT", "v=DMARC1; p=none"),
]


@dataclass
class Options:
    protect: bool = False


def resource(type_: str, props: Mapping[str, Any], name: str = "acme", *, protect: bool = False) -> PolicyResource:
    options: Any = Options(protect)
    return PolicyResource(type_, props, f"urn:{name}", name, options, None, None, [], {})


def tenant(records: Sequence[tuple[str, str, str]] = RECORDS, **changes: Any) -> PolicyResource:
    props = {
        "host": "acme.outboxment.test",
        "addresses": ["10.99.1.10"],
        "records": [{"name": n, "type": t, "value": v, "ttl": 300, "reason": ""} for n, t, v in records],
        "files": {"postfix/etc/postfix/main.cf": "# main\nmyhostname = acme.outboxment.test\nmyorigin = $myhostname\n"},
    }
    return resource(TENANT, {**props, **changes})


def problems(name: str, *resources: PolicyResource, config: Mapping[str, Any] | None = None) -> list[str]:
    """What the policy of that name reports of the stack."""
    policy, found = POLICIES[name], []

    def report(message: str, urn: str | None = None) -> None:
        found.append(message)

    if isinstance(policy, StackValidationPolicy):
        policy.validate(StackValidationArgs(list(resources), config), report)
    else:
        assert isinstance(policy, ResourceValidationPolicy)
        for one in resources:
            args = ResourceValidationArgs(one.resource_type, one.props, one.urn, one.name, one.opts, None, config)
            policy.validate(args, report)
    return found


def container(**changes: Any) -> PolicyResource:
    return resource(CONTAINER, {**GOOD_CONTAINER, **changes}, "acme-smtp")


def volume(name: str = "mt-acme-queue", *, protect: bool) -> PolicyResource:
    return resource(VOLUME, {"name": name}, name, protect=protect)


def one(found: list[str]) -> str:
    assert len(found) == 1, found
    return found[0]


def test_every_policy_is_mandatory_work_for_somebody_with_words_for_it() -> None:
    assert len(POLICIES) == 10
    for policy in POLICIES.values():
        assert policy.description
        assert policy.remediation_steps


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_our_own_stack_keeps_every_rule(name: str) -> None:
    """All resources of a whole tenant, with a web host, as the program registers them."""
    settings = samples.web_settings()
    seen = registrations(
        lambda: TenantMail(settings.label, settings, samples.secrets(settings)), "mailtenant", settings.label
    )
    whole = [resource(r.type, seen.outputs.get(r.urn, r.inputs), r.name, protect=r.protect) for r in seen.resources]
    assert len([r for r in whole if r.resource_type == TENANT]) == 1
    assert problems(name, *whole) == []


def test_a_volume_with_mail_is_protected_wherever_it_is_mounted_and_whatever_it_is_called() -> None:
    name = "protected-volumes"
    assert problems(name, container(), volume(protect=True)) == []
    assert "is not protected" in one(problems(name, container(), volume(protect=False)))
    spool = [{"containerPath": "/var/spool/postfix", "volumeName": "elsewhere"}]
    assert "keep=True" in one(problems(name, container(volumes=spool), volume("elsewhere", protect=False)))
    assert "does not manage" in one(problems(name, container(volumes=spool)))
    carrier = container(start=False)
    assert problems(name, carrier, volume(protect=False)) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"privileged": True}, "is privileged"),
        ({"capabilities": {"drops": [], "adds": []}}, "drop ALL"),
        ({"capabilities": {"drops": ["ALL"], "adds": ["CAP_SYS_ADMIN"]}}, "CAP_SYS_ADMIN"),
        ({"securityOpts": []}, "no-new-privileges"),
        ({"networkMode": "host"}, "the host's network"),
        ({"pidMode": "host"}, "the host's processes"),
        ({"devices": [{"hostPath": "/dev/sda"}]}, "devices"),
        ({"volumes": [{"containerPath": "/x", "hostPath": "/var/run/docker.sock"}]}, "the engine's socket"),
        ({"volumes": [{"containerPath": "/x", "hostPath": "/etc"}]}, "/etc"),
    ],
)
def test_no_way_out_of_a_container(changes: dict[str, Any], said: str) -> None:
    assert problems("no-privileged-containers", container()) == []
    assert said in one(problems("no-privileged-containers", container(**changes)))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"memory": None}, "no memory limit"),
        ({"memory": 0}, "no memory limit"),
        ({"memorySwap": -1}, "swap"),
        ({"cpuShares": None}, "cpu_shares"),
    ],
)
def test_every_running_container_has_limits(changes: dict[str, Any], said: str) -> None:
    assert problems("resource-limits", container()) == []
    assert said in one(problems("resource-limits", container(**changes)))
    assert problems("resource-limits", container(**changes, start=False)) == []


def test_only_ports_of_mail_on_the_tenants_own_address() -> None:
    assert problems("only-mail-ports", container()) == []
    port = {"internal": 5432, "external": 5432, "ip": "127.0.1.1"}
    assert "5432" in one(problems("only-mail-ports", container(ports=[port])))
    everywhere = {"internal": 25, "external": 25}
    assert "every address" in one(problems("only-mail-ports", container(ports=[everywhere])))


@pytest.mark.parametrize(
    "variable",
    [
        "PGPASSWORD=hunter2hunter2",
        "API_TOKEN=x",
        "SIGNING_KEY=abc",
        "DATABASE_URL=postgres://mail:hunter2@10.98.0.3/mail",
        "X=-----BEGIN PRIVATE KEY-----",
        "SETTING=q7Zx0RkP2mVb9TnYw4LsJd8Hc3FgKa61",
    ],
)
def test_no_secret_in_an_environment_and_none_in_the_message(variable: str) -> None:
    said = one(problems("no-plaintext-secrets", container(envs=[variable])))
    assert "as a file" in said
    assert variable.partition("=")[2] not in said or len(variable.partition("=")[2]) == 1


def test_what_is_no_secret_passes() -> None:
    assert problems("no-plaintext-secrets", container()) == []
    assert "command" in one(problems("no-plaintext-secrets", container(command=["curl", "https://a:b@c/"])))


def test_an_mx_leads_to_an_address_and_no_alias() -> None:
    name = "mx-targets-resolve"
    assert problems(name, tenant()) == []
    assert "no address" in one(problems(name, tenant([r for r in RECORDS if r[1] != "A"])))
    alias = [("acme.test", "MX", "10 mx.acme.test"), ("mx.acme.test", "CNAME", "acme.outboxment.test")]
    assert "an alias" in one(problems(name, tenant([*RECORDS[:2], *alias])))
    elsewhere = [*RECORDS, ("acme.test", "MX", "20 backup.example.com")]
    assert "backup.example.com" in one(problems(name, tenant(elsewhere)))
    assert problems(name, tenant(elsewhere), config={"knownHosts": ["backup.example.com"]}) == []
    assert problems(name, tenant([("acme.test", "MX", "0 .")])) == []


def test_spf_needs_ten_lookups_at_most() -> None:
    def with_includes(number: int) -> PolicyResource:
        terms = " ".join(f"include:s{i}.example.com" for i in range(number))
        return tenant([*RECORDS[:3], ("acme.test", "TXT", f"v=spf1 {terms} -all")])

    assert problems("spf-lookups", with_includes(10)) == []
    assert "11 lookups" in one(problems("spf-lookups", with_includes(11)))


def test_who_receives_mail_has_one_dmarc_record() -> None:
    assert problems("dmarc-present", tenant()) == []
    assert "no DMARC record" in one(problems("dmarc-present", tenant(RECORDS[:4])))
    twice = [*RECORDS, ("_dmarc.acme.test", "TXT", "v=DMARC1; p=reject")]
    assert "2 DMARC records" in one(problems("dmarc-present", tenant(twice)))


def test_the_pointer_is_the_name_that_postfix_says() -> None:
    name = "ptr-is-ehlo"
    assert problems(name, tenant()) == []
    assert "missing" in one(problems(name, tenant([r for r in RECORDS if r[1] != "PTR"])))
    other = {"postfix/etc/postfix/main.cf": "myhostname = acme.outboxment.test\nsmtp_helo_name = mail.acme.test\n"}
    assert "says mail.acme.test in EHLO" in one(problems(name, tenant(files=other)))
    away = [("acme.outboxment.test", "A", "10.99.1.99"), *RECORDS[1:]]
    assert "does not lead back" in one(problems(name, tenant(away)))
    six, pointer = "fd00:99::10", ip_address("fd00:99::10").reverse_pointer
    both = [*RECORDS, ("acme.outboxment.test", "AAAA", six), (pointer, "PTR", "acme.outboxment.test")]
    assert problems(name, tenant(both, addresses=["10.99.1.10", six])) == []
    assert "missing" in one(problems(name, tenant(both[:-1], addresses=["10.99.1.10", six])))
    assert "plan its AAAA record" in one(problems(name, tenant([*RECORDS, both[-1]], addresses=["10.99.1.10", six])))


def test_the_published_passphrase_stays_on_the_local_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "demo-secrets-stay-local"
    local, remote = resource(DOCKER, {}), resource(DOCKER, {"host": "ssh://deploy@mail.example.com"})
    real = tenant([*RECORDS, ("acme.com", "MX", "10 acme.outboxment.test")])
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", published_passphrase() or "")
    assert problems(name, local, tenant()) == []
    assert "ssh://deploy@mail.example.com" in one(problems(name, remote, tenant()))
    assert "for acme.com" in one(problems(name, local, real))
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "a passphrase of our own")
    assert problems(name, remote, real) == []
