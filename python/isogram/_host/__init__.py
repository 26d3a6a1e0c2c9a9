"""The operations on the host: each a call of the core, in files named as those of `_device`."""
