"""Processes that carry out long work together: who is alive, who may do what, and what happens to a dead one's work.

Neutral of what the work is: migrations use it, and whatever else several processes share through the control database.
"""
