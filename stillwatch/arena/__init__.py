"""The arena: a simulated operator that adapts, against whatever defence is plugged in."""
