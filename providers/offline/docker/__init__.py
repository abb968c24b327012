"""The Docker provider for machines that cannot download the official plugin.

It serves the few resource types that the stacks use (`inputs.py` is the whole list) and keeps the official plugin's
behaviour: defaults, what replaces and what changes in place, ids, what a refresh sees. So a program gives the same diff
under both. Whatever it does not implement is refused by Check.

Known differences, each on purpose:
- a preview never talks to the engine (the official plugin pings it);
- Delete without `destroyGraceSeconds` stops the container with its `stopTimeout` if that is set (official: at once);
- a container that exits while it starts is kept for `docker logs` (official: removed), the next `up` replaces it.
"""
