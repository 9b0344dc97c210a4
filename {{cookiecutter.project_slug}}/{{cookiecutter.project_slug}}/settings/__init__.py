"""Settings: `local` for a laptop, `test` for pytest, `production` for servers; each stands on `base` and `jobs`."""
