"""Statistics that measures of layers are formulas on, for all pairs of layers from one walk."""
