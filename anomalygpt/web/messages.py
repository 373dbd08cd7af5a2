"""What a visitor or a program reads of an error."""

from __future__ import annotations

import logging

from anomalygpt.imaging.read import PhotoError
from anomalygpt.inspection.unpacking import BatchError
from anomalygpt.web.errors_chinese import in_chinese
from anomalygpt.web.labels import Language, label

logger = logging.getLogger(__name__)


def in_language(message: str, language: Language) -> str:
    """A message of the package, which speaks English, in the language of the reader."""
    return in_chinese(message) if language == "zh" else message


def user_message(error: Exception, language: Language = "en", unexpected: str = "unexpected") -> str:
    """The error's own words where it was made for users; else it is logged, and the reader is told plainly.

    Args:
        error: what a handler caught.
        language: of the reader.
        unexpected: key of it in `labels`.
    """
    from anomalygpt.inspection.errors import NoPhotoError, QuestionError, ReferenceError
    from anomalygpt.model.generation import ContextFull

    if isinstance(error, PhotoError | BatchError | NoPhotoError | QuestionError | ReferenceError | ContextFull):
        return in_language(str(error), language)
    logger.error("A handler of the page failed", exc_info=error)
    return label(unexpected, language)
