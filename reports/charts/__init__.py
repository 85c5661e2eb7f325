"""Charts: what they show, and drawing them for a page and for print."""
