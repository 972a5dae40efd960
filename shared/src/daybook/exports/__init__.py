"""What may be exported, and how what was asked for is judged and found.

query and the exporter share it: what the one accepts, the other can run.
"""
