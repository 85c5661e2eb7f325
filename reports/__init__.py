"""What a sweep found, by how much, and how sure that is."""
