"""Why an export ends without its file, in words for whoever asked for it."""


class ExportFailed(Exception):
    """The export cannot be made; the text says why, and what to do."""
