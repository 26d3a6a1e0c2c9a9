"""The work on a GPU: per operation a walk over tiles, each a matrix product and some kernels.

Arguments arrive checked, and nothing here waits for the GPU but `Device.to_host`.
"""
