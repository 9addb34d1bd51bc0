"""What makes a release: source archive, wheel, the archive for machines without network, pages."""
