"""The page: panels (what is seen), handlers (events to session calls), sessions (one visitor each)."""
