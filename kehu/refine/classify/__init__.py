"""Personal and sensitive data found where nobody expects it: in free text, unknown columns and files."""
