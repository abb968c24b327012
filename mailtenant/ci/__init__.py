"""What the workflows of a pull request run: previews by the engine, one comment, deployment by saved plans, drift."""
