import pytest

from jobs.redis import cache_url


@pytest.mark.parametrize(
    ("broker", "cache"),
    [
        ("redis://localhost:6379/0", "redis://localhost:6379/1"),
        ("redis://localhost:6379", "redis://localhost:6379/1"),
        ("rediss://user:p%40ss@host:7000/5?timeout=1", "rediss://user:p%40ss@host:7000/6?timeout=1"),
    ],
)
def test_the_cache_goes_into_the_database_after_the_brokers(broker, cache):
    assert cache_url(broker) == cache
