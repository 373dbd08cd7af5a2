"""The inspection session: references, photo, questions and answers."""
