"""Every measure as a researcher would write it with NumPy and SciPy; `rivals` are packages."""
