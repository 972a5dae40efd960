"""What the services share of MongoDB: collections, shapes of documents, indexes.

Each collection is written by its owner alone; others read it through repositories of
their own. What both need to agree on stands here, once.
"""
