"""Long work that a customer asked for: a row that the API shows, and a DBOS workflow of its own queue that does it."""
