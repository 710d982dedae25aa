"""The history of an app in a database (SQLAlchemy; extra `archive`)."""
