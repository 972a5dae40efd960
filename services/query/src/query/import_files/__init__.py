"""Import files: what people upload for the platform's tasks to work through."""
