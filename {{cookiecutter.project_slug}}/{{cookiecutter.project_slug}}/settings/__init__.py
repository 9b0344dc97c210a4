"""Settings: `local` for a laptop, `test` for pytest, `production` for servers. Each builds on `base` and `jobs`."""
