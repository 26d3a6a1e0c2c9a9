"""Is a value meaningful? Tests, null calibration and intervals for every registered measure."""
