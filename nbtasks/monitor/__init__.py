"""Looking at workers and telling them what to do: `app.control`."""
