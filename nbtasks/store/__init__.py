"""The only room that speaks Redis: keys, scripts and the `Store`, one method for each script."""
