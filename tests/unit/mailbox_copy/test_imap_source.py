"""A pass from a foreign server: what is an error, and what only costs mail programs time."""

from mailtenant.mailbox_copy.imap_source import compare_counts


def test_missing_mail_is_an_error_and_new_uids_are_a_warning() -> None:
    there = {"INBOX": (3, 7), "Sent": (2, 8), "Old/2019": (1, 9), "Same": (4, 1)}
    here = {"INBOX": (3, 99), "Sent": (1, 8), "Same": (5, 1), "Drafts": (0, 5)}
    warnings, errors = compare_counts(there, here)
    assert warnings == ("INBOX: UIDs are new here; mail programs will load it again",)
    assert errors == ("Old/2019: is missing here", "Sent: 2 messages there, 1 here")
