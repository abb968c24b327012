"""Pulumi components of a tenant's mail stack. `TenantMail` composes the others; each file holds one."""
