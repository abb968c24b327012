"""Prepares this machine for `make demo` and `make test`: engine, base image, virtual environment, Pulumi. Standard library only."""
