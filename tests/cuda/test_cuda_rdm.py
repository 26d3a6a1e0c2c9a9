"""Distances on a GPU, against SciPy."""

from cases.rdm import *  # noqa: F403
