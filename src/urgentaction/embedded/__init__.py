"""PostgreSQL and Valkey out of wheels, and the child processes of a demonstration or a test run.

Owns: starting, sharing and stopping local servers (`Servers`, `PostgresServer`, `ValkeyServer`) and supervising
child programs (`Supervisor`), so that nothing is left behind however this program ends.
Must not: import Django or any room but `core.errors`; be imported by anything but `cli` and the tests. Production
names its own servers and doesn't install the wheels.
"""

from urgentaction.embedded.postgres import PostgresServer
from urgentaction.embedded.servers import Servers
from urgentaction.embedded.supervisor import Supervisor
from urgentaction.embedded.valkey import ValkeyServer

__all__ = ["PostgresServer", "Servers", "Supervisor", "ValkeyServer"]
