"""Stage folders: locked, built beside their place, journaled, described by a manifest, checked."""
