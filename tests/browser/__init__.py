"""Pages as people see them: in Chromium."""
