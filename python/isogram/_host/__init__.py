"""The work on the host: per operation a call of the core, by the names that `_device` has."""
