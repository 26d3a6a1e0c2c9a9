"""Tests that the host and GPUs share: each takes the fixture `place`.

`tests/python` runs them at each SIMD level of the host, `tests/cuda` on the emulated GPU and on a
real one. A file of either imports them by `from cases.<operation> import *`.
"""
