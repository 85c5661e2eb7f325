"""One training run of the whole detector: from event recordings to AP by object size."""
