// SQLite, from Debian's libsqlite3-dev.
#pragma once
#include <sqlite3.h>

/// Makes a name in double quotes that is no column an error, not a text; Swift can't call a function of variable arguments.
static inline void directions_sqlite_refuse_quoted_texts(sqlite3 *connection) {
    sqlite3_db_config(connection, SQLITE_DBCONFIG_DQS_DDL, 0, (int *)0);
    sqlite3_db_config(connection, SQLITE_DBCONFIG_DQS_DML, 0, (int *)0);
}
