"""The GoDaddy provider for Pulumi: one resource a record set. Inputs, outputs and errors: docs/godaddy.md."""
