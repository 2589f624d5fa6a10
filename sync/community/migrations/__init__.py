"""The steps by which the community's tables came to be; run by `sync.community.schema`, no alembic.ini needed."""
