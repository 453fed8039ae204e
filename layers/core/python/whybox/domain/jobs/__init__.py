"""Jobs: what is kept about one, how it may change, and the names its objects are stored under."""
