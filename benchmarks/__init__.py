"""How fast, how right and how frugal isogram is beside the packages it competes with."""
