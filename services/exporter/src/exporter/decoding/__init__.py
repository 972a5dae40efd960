"""Groups of BSON documents as Arrow tables."""
