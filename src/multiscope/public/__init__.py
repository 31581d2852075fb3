"""Public data sets by name: where they are, their licences, downloads that are checked and unpacked safely."""
