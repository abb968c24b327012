"""Several tenants in one program, each from its own pair of keys: `tenants` and `secrets` are tables by label.

A stack a tenant is better: one tenant's trouble then never holds up another's change.
"""

import pulumi
import pulumi_docker as docker

from components.published import MailTenant

config = pulumi.Config()
engine = docker.Provider("engine")
tenants, secrets = config.require_object("tenants"), config.require_object("secrets")
for label, tenant in sorted(tenants.items()):
    mail = MailTenant(label, {"tenant": tenant, "secrets": secrets[label]}, pulumi.ResourceOptions(providers=[engine]))
    pulumi.export(f"{label}Host", mail.host)
