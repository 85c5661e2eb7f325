"""The parts of a report, in the order in which a reader meets them."""
