"""What can stop the stack, each with the sentence that a person reads."""


class StackError(Exception):
    """The stack cannot go on; the message says why and what to do."""
