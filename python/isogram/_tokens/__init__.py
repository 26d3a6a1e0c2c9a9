"""Inputs that are sets of tokens: how the caller gives them, and what is asked of them."""
