"""The public functions, an operation each under its name."""
