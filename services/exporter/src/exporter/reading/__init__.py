"""Documents out of MongoDB: in order, in groups, resumable after any of them."""
