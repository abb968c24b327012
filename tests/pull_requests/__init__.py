"""Golden pull requests: what people change, the real engine's previews of it, and the comment that comes of both."""
