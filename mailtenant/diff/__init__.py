"""What a change of the repository does to which tenant, offline: two revisions, each judged by its own code."""
