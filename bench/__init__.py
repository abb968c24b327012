"""Speed and memory, measured: `python -m bench`.

Where there is something to compare with, a figure is a ratio to it, measured in the same run: absolute figures move
with the machine.
"""
