"""A mail tenant beside your own resources: `pulumi config set --path tenant…`, then `pulumi up`.

Settings and secrets are those of a stack file (`mailtenant new` writes both); here they are keys of this program's own.
"""

import pulumi
import pulumi_docker as docker

from components.published import MailTenant

config = pulumi.Config()
engine = docker.Provider("engine")
mail = MailTenant(
    "mail",
    {"tenant": config.require_object("tenant"), "secrets": config.require_object("secrets")},
    pulumi.ResourceOptions(providers=[engine]),
)

pulumi.export("mailHost", mail.host)
pulumi.export("mailPorts", mail.ports)
