"""The program that gives a new stack its samples."""

from __future__ import annotations

import os
import subprocess

import pytest
from django.db import connection

from urgentaction.cases.models import Case
from urgentaction.cli import programs
from urgentaction.embedded.servers import Servers
from urgentaction.supporters.models import Supporter


@pytest.mark.django_db(transaction=True)
def test_a_stack_with_a_new_database_begins_with_the_samples(servers: Servers) -> None:
    own = connection.settings_dict
    url = f"postgresql://{own['USER']}:{own['PASSWORD']}@{own['HOST'].replace('/', '%2F')}:{own['PORT']}/{own['NAME']}"
    environment = os.environ | {"DATABASE_URL": url, "REDIS_URL": servers.redis_url}
    for _ in range(2):
        done = subprocess.run(programs.SAMPLES, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert Case.objects.filter(reference="UA-2015-0117").count() == 1
    assert Supporter.objects.exists()
