"""The outside mail exchanger of the simulated internet: receives, judges, stores, answers and sends mail."""
