"""Bodies, routes and error answers: the only room that knows FastAPI."""
