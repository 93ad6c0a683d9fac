"""Worlds: labelled, simulated traffic, for demos, tests and benchmarks."""

from stillwatch.worlds.making import WorldReport, make_world
from stillwatch.worlds.parameters import WORLDS, World

__all__ = ["WORLDS", "World", "WorldReport", "make_world"]
