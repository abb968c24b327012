"""Prepares a machine for `make demo` and `make test`: engine, images, environment, Pulumi. Standard library only."""
