"""Tables, models, explanations and reports: pure functions and values, no input or output."""
