"""What goes out: JSON documents, and problems for whatever went wrong."""
