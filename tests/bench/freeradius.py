"""FreeRADIUS with rlm_totp, as a careful admin sets it up on Debian: threads, pool and queries are those it comes with.

It has no audit and writes nothing of a login, which is how it is shipped; its challenge is bound to the user who gave
the password. Debian's 3.2.1 takes the code of the current time step alone, and takes it again and again.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.bench.population import DIALOGUES, make_radcheck, make_users_file
from tests.daemon.peers.freeradius import free_port, wait_until_ready
from tests.daemon.server import SECRET

_CONFIGURATION = """
raddbdir = {folder}
libdir = /usr/lib/freeradius
logdir = {folder}
run_dir = {folder}
max_request_time = 30
cleanup_delay = 5
max_requests = 16384
log {{
    destination = stdout
    auth = no
}}
security {{
    max_attributes = 200
    reject_delay = 1
    status_server = yes
}}
thread pool {{
    start_servers = 5
    max_servers = 32
    min_spare_servers = 3
    max_spare_servers = 10
    max_requests_per_server = 0
    auto_limit_acct = no
}}
client challenge {{
    ipaddr = {challenge}
    secret = {secret}
    require_message_authenticator = yes
    virtual_server = challenge
}}
client append {{
    ipaddr = {append}
    secret = {secret}
    require_message_authenticator = yes
    virtual_server = append
}}
modules {{
    expr {{
    }}
    pap {{
    }}
    totp {{
    }}
    always handled {{
        rcode = handled
    }}
    always reject {{
        rcode = reject
    }}
    {lookup_module}
}}
server challenge {{
    listen {{
        type = auth
        ipaddr = 127.0.0.1
        port = {port}
    }}
    authorize {{
        if (&State) {{
            if (!(&session-state:User-Name == &User-Name)) {{
                reject
            }}
            update request {{
                &TOTP-Password := &User-Password
            }}
            {lookup}
            update control {{
                &Auth-Type := TOTP
            }}
        }}
        else {{
            {lookup}
            pap
        }}
    }}
    authenticate {{
        Auth-Type PAP {{
            pap {{
                ok = 1
            }}
            if (ok) {{
                update session-state {{
                    &User-Name := &User-Name
                }}
                update reply {{
                    &Reply-Message := "Code from your authenticator app: "
                    &Prompt := No-Echo
                }}
                update control {{
                    &Response-Packet-Type := Access-Challenge
                }}
                handled
            }}
        }}
        Auth-Type TOTP {{
            totp
        }}
    }}
}}
server append {{
    authorize {{
        if (&User-Password =~ /^(.+)([0-9]{{6}})$/) {{
            update request {{
                &TOTP-Password := "%{{2}}"
                &User-Password := "%{{1}}"
            }}
            {lookup}
            pap
        }}
    }}
    authenticate {{
        Auth-Type PAP {{
            pap {{
                ok = 1
            }}
            if (ok) {{
                totp
            }}
        }}
    }}
}}
"""
_FILES = """
    files {{
        filename = {folder}/users
    }}
"""
_SQL = """
    sql {{
        dialect = "sqlite"
        driver = "rlm_sql_sqlite"
        sqlite {{
            filename = "{folder}/radius.db"
            busy_timeout = 200
        }}
        radius_db = "radius"
        acct_table1 = "radacct"
        acct_table2 = "radacct"
        postauth_table = "radpostauth"
        authcheck_table = "radcheck"
        groupcheck_table = "radgroupcheck"
        authreply_table = "radreply"
        groupreply_table = "radgroupreply"
        usergroup_table = "radusergroup"
        delete_stale_sessions = yes
        pool {{
            start = 5
            min = 3
            max = 32
            spare = 10
            uses = 0
            retry_delay = 30
            lifetime = 0
            idle_timeout = 60
        }}
        client_table = "nas"
        group_attribute = "SQL-Group"
        $INCLUDE /etc/freeradius/3.0/mods-config/sql/main/sqlite/queries.conf
    }}
"""


class FreeRadius:
    """One FreeRADIUS that looks its users up in `lookup`: files or sql."""

    secret = SECRET

    def __init__(self, folder: Path, users: int, lookup: str) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir()
        module = (_FILES if lookup == "files" else _SQL).format(folder=folder)
        text = _CONFIGURATION.format(
            folder=folder, port=self.port, secret=SECRET, lookup=lookup, lookup_module=module, **DIALOGUES
        )
        (folder / "radiusd.conf").write_text(text)
        (folder / "dictionary").write_text("$INCLUDE /usr/share/freeradius/dictionary\n")
        if lookup == "files":
            make_users_file(folder / "users", users)
        else:
            make_radcheck(folder / "radius.db", users)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def launch(self) -> None:
        """Start without waiting."""
        with (self._folder / "log").open("wb") as said:
            command = ["freeradius", "-f", "-l", "stdout", "-d", str(self._folder)]
            environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
            self._process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, env=environment)

    def start(self) -> None:
        """Start, and wait until it is ready."""
        self.launch()
        assert self._process is not None
        wait_until_ready(self._process, self._folder / "log")

    def stop(self) -> None:
        """End it, with SIGTERM."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None
