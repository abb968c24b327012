"""Runs of stacks: what drives Pulumi from the outside."""
