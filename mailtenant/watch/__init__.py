"""The watch over tenants that serve: certificates, DNS, containers and the check, asked again and again by the worker,
or once by `mailtenant watch`. A problem is an alert once, and so is its end (`mailtenant.control.alerts`).
"""
