"""A whole move from the shared host, played on real servers. Demo and tests use it.

The surroundings, mail that flows all the time and a ledger of it, a control plane whose clock can be set on, and the
person who enters DNS records.
"""
