"""What a run will need, before it is submitted: memory from the configuration, time and disk from earlier runs."""
