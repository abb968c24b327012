"""Every server listens at the IPv6 address of a tenant that has one, and none of the others uses IPv6 at all."""

import re

from mailtenant.dns import local_zones, policies
from mailtenant.rendering import RenderedFile, render_service, render_tenant
from tests import samples
from tests.unit.settings.test_ipv6 import FURTHER, SIX, with_ipv6
from tests.unit.settings.test_nodes import nodes

EDGE = {**samples.document()["edge"], "address6": SIX}


def texts(files: tuple[RenderedFile, ...]) -> dict[str, str]:
    return {file.tree_path: file.content for file in files}


def test_postfix_listens_and_sends_at_the_tenants_addresses_and_at_no_other() -> None:
    main = texts(render_service(with_ipv6(), "smtp"))["postfix/etc/postfix/main.cf"].splitlines()
    assert "inet_protocols = all" in main
    assert f"inet_interfaces = 10.99.1.4, [{SIX}], 127.0.0.1" in main
    assert "smtp_bind_address = 10.99.1.4" in main and f"smtp_bind_address6 = {SIX}" in main
    assert "smtp_bind_address_enforce = yes" in main


def test_a_further_mail_server_has_its_own() -> None:
    three = with_ipv6(nodes=nodes(addresses6=FURTHER))
    node = three.smtp_nodes[1]
    (main,) = [f.content for f in render_service(three, "smtp", node=node) if f.path.endswith("main.cf")]
    assert f"smtp_bind_address6 = {FURTHER[0]}\n" in main and f"[{FURTHER[0]}], 127.0.0.1\n" in main
    assert f"{SIX}\n" not in main and f"[{SIX}]" not in main


def test_mailbox_name_and_web_servers_listen_at_both() -> None:
    tenant = samples.web_settings(edge=EDGE)
    made = texts(render_tenant(tenant, zones=local_zones(tenant), policies=policies(tenant)))
    assert f"\nlisten = 10.99.1.4, {SIX}, 127.0.0.1\n" in made["dovecot/etc/dovecot/dovecot.conf"]
    nsd = made["nsd/etc/nsd/mailtenant/nsd.conf"]
    # The image's healthcheck asks the last one named, by IPv4.
    assert re.findall(r'ip-address: "(.*)"', nsd) == [SIX, "10.99.1.4"] and "do-ip6: yes" in nsd
    listens = re.findall(r"listen (.*);", made["nginx/etc/nginx/mailtenant/nginx.conf"])
    four = [one for one in listens if one.startswith("10.99.1.4:")]
    assert [one.replace("10.99.1.4", f"[{SIX}]") for one in four] == [one for one in listens if SIX in one]
    assert len(four) == 5


def test_the_resolver_goes_out_by_ipv6_only_where_it_asks_the_root_itself() -> None:
    def do_ip6(**edge: object) -> str:
        tenant = samples.settings(edge={**samples.document()["edge"], **edge})
        text = texts(render_service(tenant, "resolver"))["unbound/etc/unbound/mailtenant/unbound.conf"]
        return re.findall(r"do-ip6: (.*)", text)[0]  # type: ignore[no-any-return]

    assert do_ip6() == do_ip6(dns=None) == do_ip6(address6=SIX) == "no"
    assert do_ip6(address6=SIX, dns=None) == "yes"


def test_without_an_address_nothing_speaks_ipv6_even_if_the_engine_gives_the_container_one() -> None:
    tenant = samples.web_settings()
    made = texts(render_tenant(tenant, zones=local_zones(tenant), policies=policies(tenant)))
    assert "\ninet_protocols = ipv4\n" in made["postfix/etc/postfix/main.cf"]
    assert "do-ip6: no" in made["nsd/etc/nsd/mailtenant/nsd.conf"]
    assert "do-ip6: no" in made["unbound/etc/unbound/mailtenant/unbound.conf"]
    listening = made["nginx/etc/nginx/mailtenant/nginx.conf"] + made["dovecot/etc/dovecot/dovecot.conf"]
    for line in re.findall(r"listen(?: =)? (.*)", listening):
        assert not re.search(r"::|\[|\*", line), line


def test_ipv6_changes_only_the_files_that_name_addresses() -> None:
    without, both = texts(render_tenant(samples.web_settings())), texts(render_tenant(samples.web_settings(edge=EDGE)))
    assert {path for path in both if both[path] != without[path]} == {
        "postfix/etc/postfix/main.cf",
        "dovecot/etc/dovecot/dovecot.conf",
        "nginx/etc/nginx/mailtenant/nginx.conf",
    }
