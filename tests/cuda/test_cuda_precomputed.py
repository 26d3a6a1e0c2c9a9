"""Gram matrices in place of features on a GPU, against oracles of their own."""

from cases.precomputed import *  # noqa: F403
