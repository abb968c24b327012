"""The real systems behind `mailtenant.workflow.ports`: the stack by Pulumi, DNS by questions, `mailtenant check`, the
shared host and the tenant as `mailtenant.shared_host`, `mailtenant.tenant_side` and `mailtenant.mailbox_copy` do it.
"""
