"""Test the pages that belong to no app, and the limit on the size of a request."""

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def forbidden(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError


# The site of the tests marked with `urls`: this project's, and two pages that fail.
urlpatterns = [path("forbidden", forbidden), path("broken", broken), path("", include(settings.ROOT_URLCONF))]


@pytest.mark.urls(__name__)
@pytest.mark.parametrize(
    ("page", "status", "heading"),
    [
        ("/forbidden", 403, "Access denied"),
        ("/nowhere", 404, "Page not found"),
        ("/broken", 500, "Something went wrong"),
    ],
)
def test_each_error_has_a_page(client, page, status, heading):
    client.raise_request_exception = False
    response = client.get(page)

    assert response.status_code == status
    assert f"<h1>{heading}</h1>" in response.text


def test_a_body_that_is_too_large_is_refused_before_it_is_read(client, settings):
    settings.MAX_BODY_SIZE = 10

    assert client.post("/admin/login/", b"x" * 11, content_type="text/plain").status_code == 413
    assert client.post("/health/live", b"x" * 10, content_type="text/plain").status_code != 413
    assert client.get("/health/live", CONTENT_LENGTH="ten").status_code == 200
# {% if not cookiecutter.example %}


@pytest.mark.django_db
def test_every_link_of_the_start_page_leads_somewhere(admin_client):
    page = admin_client.get("/").text
    links = [link for link in page.split('href="')[1:] if not link.startswith("https://")]

    assert len(links) == 3
    for link in links:
        assert admin_client.get(link.partition('"')[0]).status_code in (200, 503)  # /health/ready, without a broker
# {% endif %}
