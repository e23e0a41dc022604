"""Programs that do the same work without Hearth. Those that need other packages run in an environment of their own."""
