"""Synthetic traffic recordings: scenes, an event camera, and their true boxes."""

from trainable.data.simulation.simulate import SimulationSummary, simulate

__all__ = ["SimulationSummary", "simulate"]
