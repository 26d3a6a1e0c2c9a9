"""The plans that `isogram.plan` makes: an operation each, under its name."""
