"""What docs/operations.md tells whoever runs the suite, tried out."""
