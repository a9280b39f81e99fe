"""What people read: tables, transcripts, pictures, the HTML viewer."""
