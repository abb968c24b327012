"""A customer's move, carried out: which step is next (pure), each step's work, and the durable workflow around them.

The truth is in the control database: the migration's state (`mailtenant.control.migrations`) and what its run has done
(`runs.py`). DBOS brings the workflow back after a crash, waits for it, and hands a dead worker's to another.
"""
