"""What a session refuses; each message says what to do."""

from __future__ import annotations


class NoPhotoError(ValueError):
    """A question was asked before there was a photo."""


class QuestionError(ValueError):
    """A question that cannot be answered: empty or too long."""


class ReferenceError(ValueError):
    """Too many normal photos."""
