"""Bring djcelery into an existing project: its checks, its jobs, its durable tasks."""
