"""DNS as a pure function of the settings: the records, their reasons, and the zones that hold them."""

from mailtenant.dns.mta_sts import policies
from mailtenant.dns.planner import records
from mailtenant.dns.records import Record, split_text
from mailtenant.dns.zonefile import local_zones, record_lines, zone_text

__all__ = ["Record", "local_zones", "policies", "record_lines", "records", "split_text", "zone_text"]
