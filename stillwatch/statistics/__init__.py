"""Statistics that several stages use: arrays in, arrays out, nothing of Stillwatch's tables."""
