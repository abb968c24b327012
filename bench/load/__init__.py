"""A load generator that costs little: it shares two cores with what it measures."""
