"""The admin API, for the pages of a PBX: what `/api/v1` does, each thing with the scope it needs."""
