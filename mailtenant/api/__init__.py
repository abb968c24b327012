"""The customers' HTTP API: FastAPI on the control plane. Operators use the command line (decision 0016)."""
