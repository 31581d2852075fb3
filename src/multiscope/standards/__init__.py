"""Standards of known biology: dated sets of terms with member proteins, read from the files of their publishers."""
