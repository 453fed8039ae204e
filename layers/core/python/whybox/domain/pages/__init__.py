"""Pages: the frame, style and numerals that everything shown to people shares."""
