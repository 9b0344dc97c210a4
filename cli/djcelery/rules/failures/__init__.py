"""Rules about failures and retries."""
