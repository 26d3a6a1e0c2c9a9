"""Tables of RSMs on a GPU, against the oracle."""

from cases.compare_matrix import *  # noqa: F403
