"""How the portal's own tables came to be what they are."""
