"""Sets of tokens: how the caller gives them, and the RSM that is computed of them."""
