"""Drop-in plugins for machines that cannot download the official ones. Setup decides when they are used."""
