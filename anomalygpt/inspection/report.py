"""An inspection as a plain record, for files and other programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from anomalygpt.inspection.session import Session


def inspection_record(session: Session) -> dict[str, Any]:
    """Everything that was measured and said about the session's photo, JSON-able.

    Boxes and centroids are in pixels of the photo, shares and scores in [0, 1], angles in degrees; see
    `anomalygpt.records`.

    Raises:
        ValueError: the session has no photo yet.
    """
    if session.inspection is None:
        raise ValueError("There is no photo yet, so there is nothing to record. Call set_image first.")
    evidence = session.inspection.evidence
    return {
        "model": session.inspector.name,
        "description": session.description,
        "references": evidence.references,
        "width": evidence.width,
        "height": evidence.height,
        "score": evidence.score,
        "anomalous": evidence.anomalous,
        "regions": [asdict(region) for region in evidence.regions],
        "turns": [asdict(turn) for turn in session.turns],
    }
