"""The wire: RADIUS datagrams to LoginRequest, Verdict to datagrams. The only place that knows pyrad."""
