"""What images look like: their statistics, and what would make numbers wrong later."""
