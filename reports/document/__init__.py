"""A report as a document: what it holds, free of how it looks, and the forms that it is written in."""
